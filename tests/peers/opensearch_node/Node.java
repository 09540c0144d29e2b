import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback, until its standard input ends. Arguments: directory, HTTP port, transport port. */
public final class Node {
  public static void main(String[] arguments) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild((number, settings) -> {
      settings.put("network.host", "127.0.0.1");
      settings.put("http.port", arguments[1]);
      settings.put("transport.port", arguments[2]);
      settings.put("discovery.type", "single-node");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
    });
    runner.build(OpenSearchRunner.newConfigs().numOfNode(1).clusterName("trunkline").basePath(arguments[0]).useLogger());
    while (System.in.read() >= 0) {
      // Until the test closes it, or has died.
    }
    runner.close();
  }
}
