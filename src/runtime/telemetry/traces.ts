import type { api } from '@opentelemetry/sdk-node';
import type { Decision, Told } from './decisions.ts';

const textCharsMax = 1_024;

/** The trace id of the next root span, where it is not drawn. */
export type Ids = { next: string | null };

type Traced = { readonly root: api.Span; readonly context: api.Context };

/** Makes one trace of each decision: a root span, and one below it for each stage. */
export function createTraces(tracer: api.Tracer, { trace, ROOT_CONTEXT, SpanStatusCode }: typeof api, ids: Ids): (told: Told) => void {
  /** As many as decisions are open: decisions.ts bounds them. */
  const open = new Map<string, Traced>();

  const begin = (decision: Decision): void => {
    ids.next = decision.traceId;
    const root = tracer.startSpan('decision', { startTime: decision.startMs, attributes: attributesOf(decision) }, ROOT_CONTEXT);
    ids.next = null;
    open.set(decision.traceId, { root, context: trace.setSpan(ROOT_CONTEXT, root) });
  };

  return (told) => {
    if (told.kind === 'begun') return begin(told.decision);
    const traced = open.get(told.decision.traceId);
    if (traced === undefined) return;
    if (told.kind === 'stage') {
      const { stage, target, startMs, endMs } = told.span;
      const attributes = {
        ...attributesOf(told.decision),
        'flyball.stage': stage,
        ...(target === null ? {} : { 'flyball.target': target }),
      };
      return tracer.startSpan(stage, { startTime: startMs, attributes }, traced.context).end(endMs);
    }
    open.delete(told.decision.traceId);
    traced.root.setAttribute('flyball.outcome', told.outcome);
    if (told.outcome === 'rejected') traced.root.setStatus({ code: SpanStatusCode.ERROR, message: told.text.slice(0, textCharsMax) });
    traced.root.end(told.endMs);
  };
}

const attributesOf = ({ rule, revision, key }: Decision): api.Attributes => ({
  'flyball.rule': rule,
  'flyball.rule.revision': revision,
  'flyball.key': key.slice(0, textCharsMax),
});
