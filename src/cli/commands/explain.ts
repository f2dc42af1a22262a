import { attributes } from '../../model/schema.ts';
import type { Attribute } from '../../model/schema.ts';
import { didYouMean } from '../../core/cel/suggest.ts';
import { outputOption, UsageError, type Command } from '../command.ts';
import { formatOf, print } from '../print.ts';

/** `flyball explain`: what a rule may name. */
export const explain: Command = {
  name: 'explain',
  args: '[FIELD]',
  about: 'what a field of a record means: its type and unit, who lacks it, and whether a match may name it',
  options: { output: outputOption },
  more: '  FIELD is an attribute (response.duration) or a group (response); without one all are listed.',
  run: async ([field], values) => {
    const found = field === undefined ? attributes : attributes.filter(({ path }) => path === field || path.startsWith(`${field}.`));
    if (found.length === 0) {
      const paths = attributes.map(({ path }) => path);
      throw new UsageError(`no field ${JSON.stringify(field)} · ${didYouMean(field ?? '', paths, 'see `flyball explain`')}`);
    }
    print(formatOf(values), { value: found, rows: found.map(rowOf), names: found.map(({ path }) => path) });
    return 0;
  },
};

const rowOf = ({ path, type, unit, about, streams, before, absent }: Attribute) => ({
  field: path,
  type,
  unit: unit ?? '-',
  records: streams.join(' '),
  'in a match': before.length === 0 ? 'no' : before.join(' '),
  'absent for': absent ?? '-',
  about,
});
