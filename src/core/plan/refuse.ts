import { unparse } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';

/** Why a match cannot become entries: thrown and caught inside dnf.ts, so that each rule of the translation stays one line. */
export class Refused extends Error {
  readonly code: 'E-MATCH' | 'E-MATCH-SIZE';
  /** The part that no engine can match; null: the whole. */
  readonly expr: Expr | null;
  readonly todo: string;
  constructor({ code, what, todo, expr }: { code: 'E-MATCH' | 'E-MATCH-SIZE'; what: string; todo: string; expr: Expr | null }) {
    super(what);
    this.code = code;
    this.expr = expr;
    this.todo = todo;
  }
}

/** "`request.size + 1` …: no engine does arithmetic". */
export function refuse(expr: Expr, why: string, todo = 'test an attribute against a constant, or move this to `when`'): never {
  throw new Refused({ code: 'E-MATCH', what: `no engine can match \`${textOf(expr)}\`: ${why}`, todo, expr });
}

const textMax = 120;

function textOf(expr: Expr): string {
  let text: string;
  try {
    text = unparse(expr);
  } catch {
    // The library cannot write an expanded macro back.
    text = 'exists(), all(), map(), filter()';
  }
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
}
