import com.espertech.esper.common.client.EPCompiled;
import com.espertech.esper.common.client.EventSender;
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPEventService;
import com.espertech.esper.runtime.client.EPRuntime;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import com.espertech.esper.runtime.client.EPStatement;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The workload in Esper: one statement sums each pair up by second, one merges the last ten, and each rule is a filter on what that says. A window for each
 * rule would be many times slower. A pair without a request in some second would keep an older pane; there is none at these rates, or the check would tell.
 */
public final class EsperLoop {
    private static final int SECOND = 1_000_000;

    public static void main(String[] args) throws Exception {
        Runs runs = new Runs(args);
        Request[] events = Workload.events(runs.folder);
        List<Rule> rules = Workload.rules(runs.folder, runs.rules);
        Configuration configuration = configuration();
        EPCompiled compiled = EPCompilerProvider.getCompiler().compile(statements(rules), new CompilerArguments(configuration));
        runs.measure(events.length, firings -> round(events, configuration, compiled, firings));
        System.exit(0);
    }

    private static Configuration configuration() {
        Configuration configuration = new Configuration();
        configuration.getCommon().addEventType("Request", Request.class);
        configuration.getRuntime().getThreading().setInternalTimerEnabled(false);
        configuration.getCompiler().getByteCode().setAllowSubscriber(true);
        configuration.getCompiler().addPlugInAggregationFunctionForge("spread", Spread.class.getName());
        configuration.getCompiler().addPlugInAggregationFunctionForge("merged99", Merging.class.getName());
        return configuration;
    }

    private static String statements(List<Rule> rules) {
        boolean latency = Rule.needLatency(rules);
        StringBuilder text = new StringBuilder("create context EachSecond start @now end after 1 seconds;\n");
        text.append("context EachSecond insert into Pane select source, destination, count(*) as requests, sum(failed) as failures");
        text.append(latency ? ", spread(latency) as latencies" : "");
        text.append(" from Request group by source, destination output snapshot when terminated;\n");
        text.append("insert into Total select source, destination, sum(requests) as requests, sum(failures) as failures");
        text.append(latency ? ", merged99(latencies) as slowest99" : "");
        text.append(" from Pane#groupwin(source, destination)#length(").append(Workload.PANES).append(") group by source, destination;\n");
        for (Rule rule : rules) {
            String among = rule.destinations().stream().map(name -> "'" + name + "'").collect(Collectors.joining(", "));
            text.append("@name('").append(rule.id()).append("') select source, destination, ").append(condition(rule));
            text.append(" as holds from Total(destination in (").append(among).append("));\n");
        }
        return text.toString();
    }

    private static String condition(Rule rule) {
        return switch (rule.kind()) {
            case "errors" -> "failures * 1.0 / requests > " + rule.most();
            case "p99" -> "slowest99 > " + rule.most();
            default -> "requests / 10.0 > " + rule.most();
        };
    }

    /** What Esper calls when a rule's statement says something. */
    public static final class Listener {
        private final int rule;
        private final Firings firings;
        private final int[] second;

        Listener(int rule, Firings firings, int[] second) {
            this.rule = rule;
            this.firings = firings;
            this.second = second;
        }

        public void update(String source, String destination, Boolean holds) {
            firings.tell(rule, source + "\t" + destination, holds, second[0]);
        }
    }

    private static long round(Request[] events, Configuration configuration, EPCompiled compiled, Firings firings) throws Exception {
        EPRuntime runtime = EPRuntimeProvider.getRuntime("round" + System.nanoTime(), configuration);
        runtime.initialize();
        EPEventService service = runtime.getEventService();
        service.clockExternal();
        service.advanceTime(0);
        int[] second = {0};
        for (EPStatement statement : runtime.getDeploymentService().deploy(compiled).getStatements()) {
            if (!statement.getName().matches("\\d+")) continue;
            statement.setSubscriber(new Listener(Integer.parseInt(statement.getName()), firings, second));
        }
        EventSender sender = service.getEventSender("Request");
        long start = System.nanoTime();
        long next = SECOND;
        for (Request event : events) {
            while (event.time >= next) {
                service.advanceTime(++second[0] * 1_000L);
                next += SECOND;
            }
            sender.sendEvent(event);
        }
        service.advanceTime(++second[0] * 1_000L);
        long spent = System.nanoTime() - start;
        runtime.destroy();
        return spent;
    }
}
