import type { ObjectRef, Outcome, TraceAnswer } from '@podwire/model';
import { Mark } from './mark.tsx';

function ObjectLine({ object }: { object: ObjectRef }) {
  return (
    <p className="object">
      {object.kind} {object.namespace === undefined ? '' : `${object.namespace}/`}
      {object.name}
      {object.field === undefined ? '' : ` ${object.field}`}
      {object.file === undefined ? '' : ` · ${object.file}:${object.line ?? 1}`}
    </p>
  );
}

/** Why it ends as it does: the sentence, the rule, the object, what would change it, what was assumed. */
export function Why({ answer, outcome }: { answer: TraceAnswer; outcome: Outcome | undefined }) {
  const decisive = outcome?.decisive;
  return (
    <aside className="why" aria-label="why">
      <section>
        <h2>
          <Mark verdict={outcome?.verdict ?? answer.verdict} />
        </h2>
        <p>{answer.summary}</p>
        <p className="code">{outcome?.reason ?? answer.reason}</p>
        {outcome?.symptom === undefined ? null : <p>The program at the source sees: {outcome.symptom}.</p>}
      </section>
      {decisive === undefined ? null : (
        <section>
          <h3>Decided by</h3>
          {decisive.text === undefined ? null : <pre className="lit">{decisive.text}</pre>}
          {decisive.object === undefined ? null : <ObjectLine object={decisive.object} />}
        </section>
      )}
      {outcome?.receiver === undefined ? null : (
        <section>
          <h3>Received by</h3>
          <p>
            {outcome.receiver.place.name} at {outcome.receiver.address}:{outcome.receiver.port}, which sees{' '}
            {outcome.receiver.sees.address}:{outcome.receiver.sees.port}
            {outcome.receiver.sourceKept ? '' : ' (not the address the sender has)'}
          </p>
        </section>
      )}
      {answer.hints.length === 0 ? null : (
        <section>
          <h3>What would change it</h3>
          {answer.hints.map((hint) => (
            <div key={hint.code + hint.text}>
              <p>{hint.text}</p>
              {hint.mend === undefined ? null : <p className="mend">{hint.mend}</p>}
              {hint.object === undefined ? null : <ObjectLine object={hint.object} />}
            </div>
          ))}
        </section>
      )}
      {answer.notes.length === 0 ? null : (
        <section>
          <h3>{answer.notes.length} assumed, limited or intended</h3>
          {answer.notes.map((note) => (
            <p key={note.code + note.text}>
              <b>{note.kind}</b> {note.text}
            </p>
          ))}
        </section>
      )}
    </aside>
  );
}
