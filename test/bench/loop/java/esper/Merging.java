import com.espertech.esper.common.client.hook.aggfunc.AggregationFunction;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionFactory;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionFactoryContext;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionForge;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionMode;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionModeManaged;
import com.espertech.esper.common.client.hook.aggfunc.AggregationFunctionValidationContext;
import com.espertech.esper.common.client.hook.forgeinject.InjectionStrategyClassNewInstance;
import com.espertech.esper.common.client.type.EPTypeClass;
import com.espertech.esper.common.client.type.EPTypePremade;
import java.util.Arrays;

/** Esper's aggregate `merged99(spread)`: the p99 of all panes in a window, each given by its counts. */
public final class Merging implements AggregationFunctionForge {
    public void setFunctionName(String name) {}

    public void validate(AggregationFunctionValidationContext context) {}

    public EPTypeClass getValueType() {
        return EPTypePremade.INTEGERBOXED.getEPType();
    }

    public AggregationFunctionMode getAggregationFunctionMode() {
        AggregationFunctionModeManaged mode = new AggregationFunctionModeManaged();
        return mode.setInjectionStrategyAggregationFunctionFactory(new InjectionStrategyClassNewInstance(Factory.class));
    }

    public static final class Factory implements AggregationFunctionFactory {
        public AggregationFunction newAggregator(AggregationFunctionFactoryContext context) {
            return new Merged();
        }
    }

    private static final class Merged implements AggregationFunction {
        private final int[] counts = new int[Latencies.STEPS];

        public void enter(Object pane) {
            Latencies.add(counts, (int[]) pane, 1);
        }

        public void leave(Object pane) {
            Latencies.add(counts, (int[]) pane, -1);
        }

        public Object getValue() {
            long n = 0;
            for (int count : counts) n += count;
            return n == 0 ? null : Latencies.p99(counts, n);
        }

        public void clear() {
            Arrays.fill(counts, 0);
        }
    }
}
