import type { Outcome, TraceAnswer } from '@podwire/model';
import { useState } from 'react';
import { Hops } from './hops.tsx';
import { Mark } from './mark.tsx';
import { Why } from './why.tsx';

const odds = (outcome: Outcome): string => {
  if (outcome.odds === undefined) return 'odds unknown';
  const share = Number(outcome.odds.numerator) / Number(outcome.odds.denominator);
  return `${(share * 100).toFixed(share === 1 ? 0 : 1)} %`;
};

/** One answer: every group and outcome to choose from on top, the chosen walk below, and why beside it. */
export function Answer({ answer }: { answer: TraceAnswer }) {
  const choices = answer.groups.flatMap((group, g) =>
    group.outcomes.map((outcome, o) => ({ key: `${g}.${o}`, group, outcome })),
  );
  const [chosen, setChosen] = useState(choices[0]?.key);
  const [all, setAll] = useState(false);
  const outcome = choices.find((choice) => choice.key === chosen)?.outcome;
  return (
    <>
      <main className="stage">
        <header>
          <h1>
            <Mark verdict={answer.verdict} /> {answer.question.from} → {answer.question.to}
          </h1>
          <label>
            <input type="checkbox" checked={all} onChange={(e) => setAll(e.target.checked)} /> every step
          </label>
        </header>
        <div className="outcomes" role="radiogroup" aria-label="outcomes">
          {choices.map(({ key, group, outcome: one }) => (
            <label key={key}>
              <input type="radio" name="outcome" checked={key === chosen} onChange={() => setChosen(key)} />
              <Mark verdict={one.verdict} word={false} />
              <span>
                {group.sources[0]?.name} → {one.receiver?.place.name ?? group.destinations[0]?.name}
              </span>
              <span className="odds">{odds(one)}</span>
            </label>
          ))}
        </div>
        {outcome === undefined ? (
          <p>{answer.summary}</p>
        ) : (
          <>
            <Hops title="Forward" walk={outcome.forward} all={all} />
            {outcome.reply === undefined ? (
              <p className="absent">Nothing comes back.</p>
            ) : (
              <Hops title="Reply" walk={outcome.reply} all={all} />
            )}
          </>
        )}
      </main>
      <Why answer={answer} outcome={outcome} />
    </>
  );
}
