package peer;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Tomcat by itself, one servlet for three routes: what Spring Boot stands on. */
public class Server extends HttpServlet {
    private final AtomicLong requests = new AtomicLong();

    public static void main(String[] arguments) throws Exception {
        File folder = Files.createTempDirectory("peer-tomcat").toFile();
        folder.deleteOnExit();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder.getPath());
        Connector connector = new Connector();
        connector.setPort(Integer.parseInt(System.getenv("PORT")));
        connector.setProperty("address", "127.0.0.1");
        // The default closes a connection after 100 requests, which no other rival does.
        connector.setProperty("maxKeepAliveRequests", "-1");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "server", new Server());
        context.addServletMappingDecoded("/", "server");
        tomcat.start();
        tomcat.getServer().await();
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        switch (request.getServletPath()) {
            case "/plaintext" -> send(response, "text/plain;charset=UTF-8", "Hello, World!");
            case "/json" ->
                send(response, "application/json", "{\"message\":\"" + "Hello, World!" + "\"}");
            case "/benchmark" -> benchmark(response);
            default -> response.sendError(HttpServletResponse.SC_NOT_FOUND);
        }
    }

    /** Blocks a thread of Tomcat's pool for its wait. */
    private void benchmark(HttpServletResponse response) throws IOException {
        long start = System.nanoTime();
        long result = work();
        LockSupport.parkNanos(100_000);
        long microseconds = (System.nanoTime() - start) / 1_000;
        send(response, "application/json", String.format(
            "{\"result\":%d,\"processing_time_us\":%d,\"request_id\":%d,\"timestamp\":\"%s\"}",
            result, microseconds, requests.incrementAndGet(), Instant.now()));
    }

    private static void send(HttpServletResponse response, String type, String body)
            throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        response.setContentType(type);
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }

    /** The article's: the sum of i * 2 for i below 1,000. */
    private static long work() {
        long result = 0;
        for (long i = 0; i < 1_000; i++) {
            result += i * 2;
        }
        return result;
    }
}
