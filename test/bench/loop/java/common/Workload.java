import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What the other process wrote: events.bin (columns), services.txt (a name a line) and rules.tsv. */
public final class Workload {
    public static final int SPAN = 60;
    public static final int PANES = 10;

    private Workload() {}

    public static Request[] events(Path folder) throws IOException {
        List<String> services = Files.readAllLines(folder.resolve("services.txt"));
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(folder.resolve("events.bin"))).order(ByteOrder.LITTLE_ENDIAN);
        int n = bytes.capacity() / 12;
        String[] methods = new String[8];
        for (int i = 0; i < methods.length; i++) methods[i] = "/shop.Api/Method" + i;
        Request[] events = new Request[n];
        for (int i = 0; i < n; i++) {
            Request request = new Request();
            request.time = bytes.getInt(4 * i) & 0xffffffffL;
            request.latency = bytes.getInt(4 * (n + i));
            request.source = services.get(bytes.get(8 * n + i));
            request.destination = services.get(bytes.get(9 * n + i));
            request.method = methods[bytes.get(10 * n + i)];
            request.status = bytes.get(11 * n + i);
            request.failed = request.status == 0 ? 0 : 1;
            events[i] = request;
        }
        return events;
    }

    public static List<Rule> rules(Path folder, int count) throws IOException {
        List<Rule> rules = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("rules.tsv")).subList(0, count)) {
            String[] fields = line.split("\t");
            rules.add(new Rule(Integer.parseInt(fields[0]), fields[1], Double.parseDouble(fields[2]), Set.of(fields[3].split(","))));
        }
        return rules;
    }
}
