import { type FormEvent, useState } from 'react';
import type { Asked, Opened } from '../shared/protocol.ts';

/** The one input: from, to, port, protocol. */
export function QuestionBar({
  opened,
  asked,
  busy,
  onAsk,
}: {
  opened: Opened;
  asked: Asked;
  busy: boolean;
  onAsk: (asked: Asked) => void;
}) {
  const [draft, setDraft] = useState(asked);
  const set = (part: Partial<Asked>) => setDraft({ ...draft, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onAsk(draft);
  };
  return (
    <form className="bar" onSubmit={submit}>
      <label>
        <span className="unseen">from</span>
        <input
          name="from"
          list="sources"
          value={draft.from}
          onChange={(e) => set({ from: e.target.value })}
          placeholder="from: shop/web"
          required
        />
      </label>
      <span aria-hidden="true">→</span>
      <label>
        <span className="unseen">to</span>
        <input
          name="to"
          list="destinations"
          value={draft.to}
          onChange={(e) => set({ to: e.target.value })}
          placeholder="to: svc/api:http"
          required
        />
      </label>
      <label>
        <span className="unseen">port</span>
        <input
          name="port"
          className="port"
          value={draft.port}
          onChange={(e) => set({ port: e.target.value })}
          placeholder="port"
        />
      </label>
      <label>
        <span className="unseen">protocol</span>
        <select name="protocol" value={draft.protocol} onChange={(e) => set({ protocol: e.target.value })}>
          {['', 'tcp', 'udp', 'sctp', 'icmp'].map((p) => (
            <option key={p} value={p}>
              {p === '' ? 'protocol' : p}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" disabled={busy}>
        Trace
      </button>
      <datalist id="sources">
        {opened.sources.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <datalist id="destinations">
        {opened.destinations.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  );
}
