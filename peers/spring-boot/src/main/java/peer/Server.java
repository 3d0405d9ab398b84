package peer;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Spring Boot as its documentation begins: Spring MVC on Tomcat, three routes. */
@SpringBootApplication
@RestController
public class Server {
    record Message(String message) {}

    record Findings(long result, long processing_time_us, long request_id, String timestamp) {}

    private final AtomicLong requests = new AtomicLong();

    public static void main(String[] arguments) {
        SpringApplication.run(Server.class, arguments);
    }

    @GetMapping(value = "/plaintext", produces = MediaType.TEXT_PLAIN_VALUE)
    String plaintext() {
        return "Hello, World!";
    }

    @GetMapping("/json")
    Message json() {
        return new Message("Hello, World!");
    }

    /** Blocks a thread of Tomcat's pool for its wait, as Spring MVC does. */
    @GetMapping("/benchmark")
    Findings benchmark() {
        long start = System.nanoTime();
        long result = work();
        LockSupport.parkNanos(100_000);
        long microseconds = (System.nanoTime() - start) / 1_000;
        return new Findings(result, microseconds, requests.incrementAndGet(), Instant.now().toString());
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
