import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch node on loopback, until its standard input ends. Arguments: directory (with config and modules), HTTP port,
 * transport port, and `secured` for a node with TLS and users, whose files are in config.
 */
public final class Node {
  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]);
    boolean secured = arguments.length > 3;
    Settings.Builder settings = Settings.builder()
      .put("path.home", home.toString())
      .put("cluster.name", "trunkline")
      .put("node.name", "node")
      .put("network.host", "127.0.0.1")
      .put("http.port", arguments[1])
      .put("transport.port", arguments[2])
      .put("discovery.type", "single-node")
      .put("cluster.routing.allocation.disk.threshold_enabled", false)
      .put("xpack.security.enabled", secured)
      .put("xpack.security.autoconfiguration.enabled", false);
    if (secured) {
      settings.put("xpack.security.http.ssl.enabled", true)
        .put("xpack.security.http.ssl.certificate", "node.pem")
        .put("xpack.security.http.ssl.key", "node.key");
    }
    LogConfigurator.configureESLogging();
    Environment environment = new Environment(settings.build(), home.resolve("config"));
    PluginsLoader plugins = PluginsLoader.createPluginsLoader(PluginsLoader.loadModulesBundles(environment.modulesDir()),
      PluginsLoader.loadPluginsBundles(environment.pluginsDir()), Map.of(), false);
    try (org.elasticsearch.node.Node node = new org.elasticsearch.node.Node(environment, plugins)) {
      node.start();
      while (System.in.read() >= 0) {
        // Until the test closes it, or has died.
      }
    }
  }
}
