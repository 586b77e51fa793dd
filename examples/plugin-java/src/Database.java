import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedDeque;

/** What this plugin knows: accounts in any database that Java has a driver for. */
final class Database {
    static final String NAME = "jdbc", VERSION = "1.0.0";
    static final String CONFIG = """
        {"type":"object","properties":{
          "url":{"type":"string","description":"the database, as its driver calls it: jdbc:oracle:thin:@//db.example.org:1521/people"},
          "user":{"type":"string","description":"account that may read there"},
          "password":{"type":"string","writeOnly":true,"description":"its password, read for each connection"},
          "query":{"type":"string","description":"a SELECT with one ? for the address; its columns: account, number, team; a line for each team"}
        },"required":["url","user","password","query"],"additionalProperties":false}""";
    static final String PARAMS = """
        {"type":"object","properties":{"email":{"type":"string","description":"address of the person"}},"required":["email"],"additionalProperties":false}""";
    static final String FACTS = """
        {"type":"object","properties":{
          "account":{"type":"string","description":"name of the account"},
          "number":{"type":["integer","null"],"description":"its number"},
          "teams":{"type":"array","items":{"type":"string"},"description":"teams of the account, sorted"}
        },"additionalProperties":false}""";

    /** An answer: problem is empty when somebody was found. */
    record Answer(String problem, Map<String, Object> facts) {}

    private final String url, user, query;
    private final Path passwordFile;
    private final ConcurrentLinkedDeque<Connection> idle = new ConcurrentLinkedDeque<>();

    /** Takes a configuration that fits the schema. */
    Database(JsonNode config) {
        url = config.get("url").textValue();
        user = config.get("user").textValue();
        passwordFile = Path.of(config.get("passwordFile").textValue());
        query = config.get("query").textValue();
    }

    /** Asks for an address, for as many seconds. A connection that failed is not used again. */
    Answer lookup(String email, int seconds) throws SQLException, IOException {
        Connection connection = idle.pollFirst();
        if (connection == null || !connection.isValid(seconds)) connection = connect();
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setQueryTimeout(seconds);
            statement.setString(1, email);
            Answer answer;
            try (ResultSet rows = statement.executeQuery()) {
                answer = read(rows);
            }
            idle.addFirst(connection);
            return answer;
        } catch (SQLException err) {
            connection.close();
            throw err;
        }
    }

    private Connection connect() throws SQLException, IOException {
        Connection connection = DriverManager.getConnection(url, user, Files.readString(passwordFile).strip());
        connection.setReadOnly(true);
        return connection;
    }

    private static Answer read(ResultSet rows) throws SQLException {
        String account = null;
        Long number = null;
        TreeSet<String> teams = new TreeSet<>();
        while (rows.next()) {
            String name = rows.getString("account");
            if (account != null && !account.equals(name)) return new Answer("ambiguous", null);
            account = name;
            number = rows.getObject("number", Long.class);
            if (rows.getString("team") != null) teams.add(rows.getString("team"));
        }
        if (account == null) return new Answer("none", null);
        return new Answer("", number == null ? Map.of("account", account, "teams", teams) : Map.of("account", account, "number", number, "teams", teams));
    }
}
