import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * DynamoDB Local in memory, on a free port of the loopback interface, which is written to the file that is named. By itself
 * it listens on all of them, on a port that it is told, 8000 here, of which it makes no use any more.
 */
public final class Node {
  public static void main(String[] arguments) throws Exception {
    DynamoDBProxyServer local =
        ServerRunner.createServerFromCommandLineArgs(new String[] {"-inMemory", "-disableTelemetry", "-port", "8000"});
    Field field = DynamoDBProxyServer.class.getDeclaredField("server");
    field.setAccessible(true);
    ServerConnector connector = (ServerConnector) ((Server) field.get(local)).getConnectors()[0];
    connector.setHost("127.0.0.1");
    connector.setPort(0);
    local.safeStart();
    Path made = Path.of(arguments[0] + ".new");
    Files.writeString(made, Integer.toString(connector.getLocalPort()));
    Files.move(made, Path.of(arguments[0]), StandardCopyOption.ATOMIC_MOVE);
    local.join();
  }
}
