import claimsmith.plugin.v1.Lookup.*;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.*;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.netty.channel.DefaultEventLoopGroup;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.local.LocalServerChannel;
import java.io.*;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.*;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.sql.*;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import java.util.logging.LogManager;
import javax.net.ssl.*;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.*;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A plugin of claimsmith in Java: what plugins/PROTOCOL.md asks of any plugin. What this one knows is in Database. */
public final class Plugin {
    private static final ObjectMapper JSON = new ObjectMapper()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    private static final int LONGEST = 4 << 20; // bytes of a message
    private static volatile Database database; // of the configuration that is in use

    public static void main(String[] args) throws Exception {
        if (!"claimsmith.plugin.v1".equals(System.getenv("CLAIMSMITH_PLUGIN"))) {
            System.err.println(Database.NAME + " is a plugin of claimsmith: declare it under plugins: in claimsmith.yaml");
            System.exit(2);
        }
        LogManager.getLogManager().reset(); // what libraries print is no log record
        PrintStream handshake = System.out;
        System.setOut(new PrintStream(OutputStream.nullOutputStream())); // nothing else belongs there
        for (String name : List.of("INT", "TERM", "HUP")) sun.misc.Signal.handle(new sun.misc.Signal(name), signal -> {}); // the host ends its plugins

        DefaultEventLoopGroup group = new DefaultEventLoopGroup(2);
        LocalAddress inside = new LocalAddress("plugin");
        CountDownLatch end = new CountDownLatch(1);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(inside).channelType(LocalServerChannel.class)
            .bossEventLoopGroup(group).workerEventLoopGroup(group).executor(Executors.newFixedThreadPool(16)).maxInboundMessageSize(4 * LONGEST)
            .addService(ServerServiceDefinition.builder("claimsmith.plugin.v1.LookupService")
                .addMethod(method("Describe", DescribeRequest.getDefaultInstance(), DescribeResponse.getDefaultInstance()), handler(Plugin::describe))
                .addMethod(method("Configure", ConfigureRequest.getDefaultInstance(), ConfigureResponse.getDefaultInstance()), handler(Plugin::configure))
                .addMethod(method("Lookup", LookupRequest.getDefaultInstance(), LookupResponse.getDefaultInstance()), handler(Plugin::lookup)).build())
            .addService(bytes("grpc.health.v1.Health", "Check", Plugin::health))
            .addService(bytes("plugin.GRPCController", "Shutdown", request -> {
                end.countDown();
                return new byte[0];
            }));
        String certificate = "";
        SSLContext tls = null;
        String host = System.getenv("PLUGIN_CLIENT_CERT");
        if (host != null) { // else it is declared with tls: off
            KeyPair keys = KeyPairGenerator.getInstance("EC").generateKeyPair();
            X509Certificate own = selfSigned(keys);
            tls = tls(keys, own, host);
            certificate = Base64.getEncoder().withoutPadding().encodeToString(own.getEncoded());
        }
        Server server = builder.build().start();
        Path socket = Path.of(System.getenv("PLUGIN_UNIX_SOCKET_DIR"), "plugin.sock");
        UnixSocket.listen(socket, tls, inside, group);
        handshake.printf("1|1|unix|%s|grpc|%s%n", socket, certificate);
        handshake.flush();

        end.await();
        server.shutdown().awaitTermination(1, TimeUnit.SECONDS);
        Runtime.getRuntime().halt(0); // also with connections that nobody closed
    }

    private static DescribeResponse describe(DescribeRequest request) {
        return DescribeResponse.newBuilder().setName(Database.NAME).setVersion(Database.VERSION).setConfigSchema(ByteString.copyFromUtf8(Database.CONFIG))
            .setParamsSchema(ByteString.copyFromUtf8(Database.PARAMS)).setFactsSchema(ByteString.copyFromUtf8(Database.FACTS)).build();
    }

    private static ConfigureResponse configure(ConfigureRequest request) throws IOException {
        ConfigureResponse.Builder response = ConfigureResponse.newBuilder().setMaxAgeMs(0); // nothing is kept
        for (var problem : problems(Database.CONFIG, request.getConfig()).entrySet())
            response.addProblems(Problem.newBuilder().setPath(problem.getKey()).setMessage(problem.getValue()));
        if (response.getProblemsCount() == 0 && !request.getCheckOnly()) database = new Database(JSON.readTree(request.getConfig().toByteArray()));
        return response.build();
    }

    private static LookupResponse lookup(LookupRequest request) throws Exception {
        Database asked = database;
        if (asked == null) throw Status.FAILED_PRECONDITION.withDescription("not configured").asException();
        if (!problems(Database.PARAMS, request.getParams()).isEmpty())
            throw Status.INVALID_ARGUMENT.withDescription("the question does not fit the schema").asException();
        Deadline deadline = Context.current().getDeadline();
        long left = deadline == null ? 10 : Math.max(1, deadline.timeRemaining(TimeUnit.SECONDS));
        Database.Answer answer = asked.lookup(JSON.readTree(request.getParams().toByteArray()).get("email").textValue(), (int) left);
        LookupResponse.Builder response = LookupResponse.newBuilder().setFound(answer.problem().isEmpty()).setProblem(answer.problem());
        if (answer.facts() != null) response.setFacts(ByteString.copyFrom(JSON.writeValueAsBytes(answer.facts())));
        return response.build();
    }

    private static byte[] health(byte[] request) throws StatusException {
        if (!new String(request, StandardCharsets.ISO_8859_1).equals("\n\6plugin")) throw Status.NOT_FOUND.asException();
        return new byte[] {8, 1};
    }

    /** What is wrong with an object whose members are texts: problems by path. A secret stands under a key that ends in File. */
    private static SortedMap<String, String> problems(String schema, ByteString text) throws IOException {
        SortedMap<String, String> found = new TreeMap<>();
        JsonNode given;
        try {
            given = JSON.readTree(text.toByteArray());
        } catch (JsonProcessingException err) {
            return new TreeMap<>(Map.of("", "it is not JSON"));
        }
        if (!given.isObject()) return new TreeMap<>(Map.of("", "it is not an object"));
        JsonNode wanted = JSON.readTree(schema);
        Set<String> keys = new TreeSet<>();
        wanted.get("properties").fields().forEachRemaining(p -> keys.add(p.getValue().path("writeOnly").asBoolean() ? p.getKey() + "File" : p.getKey()));
        for (String key : keys)
            if (!given.has(key)) found.put(key, "is required");
            else if (!given.get(key).isTextual()) found.put(key, "is not a string");
        given.fieldNames().forEachRemaining(key -> {
            if (!keys.contains(key)) found.put(key, "is not known");
        });
        return found;
    }

    private interface Answers<Q, A> {
        A answer(Q request) throws Exception;
    }

    /** Makes a handler whose errors are answered in words that hold nobody. */
    private static <Q, A> ServerCallHandler<Q, A> handler(Answers<Q, A> answers) {
        return ServerCalls.asyncUnaryCall((request, observer) -> {
            try {
                if (request instanceof Message message && message.getSerializedSize() > LONGEST) // the library would cancel the call
                    throw Status.RESOURCE_EXHAUSTED.withDescription("a message of more than 4 MiB").asException();
                observer.onNext(answers.answer(request));
                observer.onCompleted();
            } catch (Exception err) {
                observer.onError(status(err));
            }
        });
    }

    private static StatusException status(Exception err) {
        if (err instanceof StatusException known) return known;
        String state = err instanceof SQLException sql && sql.getSQLState() != null ? sql.getSQLState() : "";
        if (err instanceof SQLTimeoutException) return Status.DEADLINE_EXCEEDED.asException();
        if (state.startsWith("28")) return Status.UNAUTHENTICATED.withDescription("SQLSTATE " + state).asException();
        if (err instanceof IOException) return Status.UNAVAILABLE.withDescription(err.toString()).asException(); // the name of a file
        if (err instanceof SQLException) return Status.UNAVAILABLE.withDescription("SQLSTATE " + state).asException();
        System.err.printf("{\"@level\":\"error\",\"@message\":\"a call went wrong\",\"exception\":\"%s\"}%n", err.getClass().getName());
        return Status.INTERNAL.withDescription(err.getClass().getName()).asException();
    }

    private static <Q extends Message, A extends Message> MethodDescriptor<Q, A> method(String name, Q request, A response) {
        return MethodDescriptor.newBuilder(ProtoUtils.marshaller(request), ProtoUtils.marshaller(response)).setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("claimsmith.plugin.v1.LookupService/" + name).build();
    }

    /** A service of one method whose messages are bytes. */
    private static ServerServiceDefinition bytes(String service, String method, Answers<byte[], byte[]> answers) {
        MethodDescriptor.Marshaller<byte[]> plain = new MethodDescriptor.Marshaller<>() {
            @Override
            public InputStream stream(byte[] value) {
                return new ByteArrayInputStream(value);
            }

            @Override
            public byte[] parse(InputStream stream) {
                try {
                    return stream.readAllBytes();
                } catch (IOException err) {
                    throw new UncheckedIOException(err);
                }
            }
        };
        return ServerServiceDefinition.builder(service).addMethod(MethodDescriptor.newBuilder(plain, plain).setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(service + "/" + method).build(), handler(answers)).build();
    }

    private static X509Certificate selfSigned(KeyPair keys) throws Exception {
        X500Name name = new X500Name("CN=localhost");
        var from = java.util.Date.from(Instant.now().minusSeconds(3600));
        var to = java.util.Date.from(Instant.now().plusSeconds(10L * 365 * 86400));
        return new JcaX509CertificateConverter().getCertificate(new JcaX509v3CertificateBuilder(name, BigInteger.ONE, from, to, name, keys.getPublic())
            .addExtension(Extension.subjectAlternativeName, false, new GeneralNames(new GeneralName(GeneralName.dNSName, "localhost")))
            .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
    }

    /** A context that shows own, and trusts the certificate of the host alone. */
    private static SSLContext tls(KeyPair keys, X509Certificate own, String host) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12"), trusted = KeyStore.getInstance("PKCS12"); // in memory
        store.load(null, null);
        trusted.load(null, null);
        store.setKeyEntry("own", keys.getPrivate(), new char[0], new X509Certificate[] {own});
        trusted.setCertificateEntry("host", CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(host.getBytes(StandardCharsets.US_ASCII))));
        KeyManagerFactory mine = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        mine.init(store, new char[0]);
        TrustManagerFactory theirs = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        theirs.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(mine.getKeyManagers(), theirs.getTrustManagers(), null);
        return context;
    }
}
