import org.codelibs.opensearch.runner.OpenSearchRunner;

/**
 * One OpenSearch node on loopback, until its standard input ends. Arguments: directory, HTTP port, transport port, and for a
 * node with the security plugin a directory with node.pem, node.key and ca.pem; the plugin's own files are in
 * DIRECTORY/node_1/config/opensearch-security then.
 */
public final class Node {
  public static void main(String[] arguments) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    String certificates = arguments.length > 3 ? arguments[3] : null;
    runner.onBuild((number, settings) -> {
      settings.put("network.host", "127.0.0.1");
      settings.put("http.port", arguments[1]);
      settings.put("transport.port", arguments[2]);
      settings.put("discovery.type", "single-node");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
      if (certificates == null) {
        return;
      }
      for (String layer : new String[] {"http", "transport"}) {
        String prefix = "plugins.security.ssl." + layer;
        settings.put(prefix + ".pemcert_filepath", certificates + "/node.pem");
        settings.put(prefix + ".pemkey_filepath", certificates + "/node.key");
        settings.put(prefix + ".pemtrustedcas_filepath", certificates + "/ca.pem");
      }
      settings.put("plugins.security.ssl.http.enabled", "true");
      settings.put("plugins.security.ssl.transport.enforce_hostname_verification", "false");
      settings.put("plugins.security.allow_default_init_securityindex", "true");
    });
    OpenSearchRunner.Configs configs = OpenSearchRunner.newConfigs().numOfNode(1).clusterName("trunkline").basePath(arguments[0]);
    if (certificates != null) {
      configs.pluginTypes("org.opensearch.security.OpenSearchSecurityPlugin");
    }
    runner.build(configs.useLogger());
    while (System.in.read() >= 0) {
      // Until the test closes it, or has died.
    }
    runner.close();
  }
}
