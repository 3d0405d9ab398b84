// Java's java.net.http.HttpClient, started from its source (Java 11 or later):
//
//   java contrib/clients/Client.java HOST:PORT
//
// Prints a line for each check that is passed; ends with exit code 1 at the first that is not.
// contrib/clients.sh runs it. By default this client prefers HTTP/2 and asks for it with an Upgrade
// field in the first request of each connection, also in front of a body.

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;

public class Client {
    static final String HELLO = "Hello, World!";
    static String base;

    interface Check {
        void run() throws Exception;
    }

    static void check(String what, Check check) {
        try {
            check.run();
        } catch (Throwable wrong) {
            System.err.println(what);
            wrong.printStackTrace();
            System.exit(1);
        }
        System.out.println(what);
    }

    static void same(String of, Object expected, Object got) {
        if (!expected.equals(got)) {
            throw new AssertionError(of + ": expected " + expected + ", got " + got);
        }
    }

    static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(20));
    }

    static HttpResponse<String> ask(HttpClient client, HttpRequest.Builder request)
            throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    /** A number of the JSON answer; where there are several of the name, their sum. */
    static long number(String json, String name) {
        return Pattern.compile("\"" + name + "\":([0-9]+)").matcher(json).results()
                .mapToLong(found -> Long.parseLong(found.group(1))).sum();
    }

    static long accepted(HttpClient client) throws Exception {
        return number(ask(client, to("/stats")).body(), "accepted");
    }

    static void keepAlive(HttpClient client) throws Exception {
        long before = accepted(client);
        for (int i = 0; i < 30; i++) {
            HttpResponse<String> answer = ask(client, to(i % 10 == 9 ? "/nothing" : "/plaintext"));
            same("status", i % 10 == 9 ? 404 : 200, answer.statusCode());
            same("version", HttpClient.Version.HTTP_1_1, answer.version());
            if (answer.statusCode() == 200) {
                same("body", HELLO, answer.body());
            }
        }
        same("connections opened", 0L, accepted(client) - before);
    }

    static void head(HttpClient client) throws Exception {
        HttpRequest.Builder request = to("/plaintext").method("HEAD", BodyPublishers.noBody());
        HttpResponse<String> answer = ask(client, request);
        same("status", 200, answer.statusCode());
        same("body", "", answer.body());
        same("length", 13L, answer.headers().firstValueAsLong("content-length").getAsLong());
        same("GET", HELLO, ask(client, to("/plaintext")).body());
    }

    static void bodies(HttpClient client) throws Exception {
        byte[] body = new byte[300_000];
        new Random().nextBytes(body);
        CRC32 crc = new CRC32();
        crc.update(body);
        HttpRequest.Builder whole = to("/zero-copy").POST(BodyPublishers.ofByteArray(body));
        // Without a length it goes in chunks.
        HttpRequest.Builder chunked = to("/zero-copy")
                .POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)));
        HttpRequest.Builder expecting = whole.copy().expectContinue(true);
        for (HttpRequest.Builder request : new HttpRequest.Builder[] {whole, chunked, expecting}) {
            HttpResponse<String> answer = ask(client, request);
            same("status", 200, answer.statusCode());
            same("input_size", (long) body.length, number(answer.body(), "input_size"));
            String expected = String.format("\"crc32\":\"%08x\"", crc.getValue());
            same(expected + " in " + answer.body(), true, answer.body().contains(expected));
        }
    }

    static void tooLarge(HttpClient client) throws Exception {
        for (int i = 0; i < 5; i++) {
            var body = BodyPublishers.ofByteArray(new byte[8 << 20]);
            HttpResponse<String> answer = ask(client, to("/zero-copy").POST(body));
            same("status", 413, answer.statusCode());
            same("the error names the option", true, answer.body().contains("--body-max"));
        }
    }

    static void parallel(HttpClient client) {
        var asked = IntStream.range(0, 100)
                .mapToObj(i -> to("/benchmark?wait_us=20000&work=" + i).build())
                .map(request -> client.sendAsync(request, BodyHandlers.ofString()))
                .collect(Collectors.toList());
        for (int i = 0; i < 100; i++) {
            HttpResponse<String> answer = asked.get(i).join();
            same("status", 200, answer.statusCode());
            same("result of work=" + i, (long) i * (i - 1), number(answer.body(), "result"));
        }
    }

    static void timeout(HttpClient client) throws Exception {
        try {
            ask(client, to("/benchmark?wait_us=2000000").timeout(Duration.ofMillis(100)));
            throw new AssertionError("answered in time");
        } catch (HttpTimeoutException expected) {
            same("the next", HELLO, ask(client, to("/plaintext")).body());
        }
    }

    public static void main(String[] arguments) {
        base = "http://" + arguments[0];
        for (HttpClient.Version version : HttpClient.Version.values()) {
            HttpClient client = HttpClient.newBuilder().version(version).build();
            String as = version == HttpClient.Version.HTTP_2 ? "Upgrade: h2c: " : "HTTP/1.1: ";
            check(as + "thirty requests over one connection, some 404", () -> keepAlive(client));
            check(as + "HEAD, then a GET", () -> head(client));
            check(as + "bodies whole, chunked, and with Expect", () -> bodies(client));
            check(as + "8 MiB to POST are answered with 413", () -> tooLarge(client));
            check(as + "a hundred at once by sendAsync", () -> parallel(client));
            check(as + "a timeout during a wait; the next is served", () -> timeout(client));
        }
        System.exit(0);
    }
}
