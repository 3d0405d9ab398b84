import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** The server of the JDK itself, three routes: Java without Tomcat and without Spring. */
public class Server {
    private static final AtomicLong REQUESTS = new AtomicLong();

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv("PORT"));
        int workers = Integer.parseInt(System.getenv("WORKERS"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 4096);
        // Without an executor one thread does everything.
        if (workers > 1) {
            server.setExecutor(Executors.newFixedThreadPool(workers));
        }
        server.createContext("/plaintext", exchange -> send(exchange, "text/plain", "Hello, World!"));
        server.createContext("/json", exchange ->
            send(exchange, "application/json", "{\"message\":\"" + "Hello, World!" + "\"}"));
        server.createContext("/benchmark", Server::benchmark);
        server.start();
    }

    /** Blocks the thread for its wait. */
    private static void benchmark(HttpExchange exchange) throws IOException {
        long start = System.nanoTime();
        long result = work();
        LockSupport.parkNanos(100_000);
        long microseconds = (System.nanoTime() - start) / 1_000;
        send(exchange, "application/json", String.format(
            "{\"result\":%d,\"processing_time_us\":%d,\"request_id\":%d,\"timestamp\":\"%s\"}",
            result, microseconds, REQUESTS.incrementAndGet(), Instant.now()));
    }

    private static void send(HttpExchange exchange, String type, String body) throws IOException {
        byte[] bytes = body.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
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
