import { connectorNames, loadConnector } from '../../adapter/connectors.ts';
import { outputOption, type Command } from '../command.ts';
import { formatOf, print } from '../print.ts';

export const connector: Command = {
  name: 'connector',
  args: '',
  about: 'the connectors there are, one folder each',
  options: { output: outputOption },
  run: async (_args, values) => {
    const all = await Promise.all(connectorNames().map(loadConnector));
    const found = all.flatMap((c) => (c.ok ? [{ connector: c.value.name, about: c.value.about }] : []));
    print(formatOf(values), { value: found, rows: found, names: found.map((c) => c.connector) });
    return 0;
  },
};
