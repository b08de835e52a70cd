import type { Hop, StepView, WalkView } from '@podwire/model';

/** Steps that decide, move or rewrite, and jumps that an object caused; the others show with "every step". */
function decides(step: StepView): boolean {
  switch (step.kind) {
    case 'nat':
    case 'balance':
    case 'choice':
    case 'unanswered':
    case 'transmit':
    case 'encapsulate':
    case 'decapsulate':
    case 'learn':
    case 'fragment':
    case 'reassemble':
    case 'ipvs':
      return true;
    case 'route':
      return step.purpose !== 'reroute';
    case 'rule':
      return step.verdict === 'jump' ? step.object !== undefined : !['return', 'continue'].includes(step.verdict);
    case 'chain':
      return step.verdict !== 'accept';
    default:
      return false;
  }
}

/** The stage's word, its tag, and its detail: one line a step. */
function words(step: StepView): { stage: string; tag?: string; text: string } {
  switch (step.kind) {
    case 'enter':
      return {
        stage: step.link === undefined ? 'socket' : 'in',
        text: `${step.packet.saddr}:${step.packet.sport} → ${step.packet.daddr}:${step.packet.dport} ${step.packet.info}`,
      };
    case 'conntrack':
      return { stage: 'conntrack', text: `${step.state}, ${step.direction} direction` };
    case 'rule':
      return { stage: `${step.hook} ${step.table}`, tag: step.verdict, text: step.text };
    case 'chain':
      return { stage: `${step.hook} ${step.table}`, tag: step.verdict, text: `${step.chain}: by ${step.by}` };
    case 'nat':
      return {
        stage: `${step.hook} nat`,
        tag: `${step.remembered && !step.by ? 'un-' : ''}${step.what === 'source' ? 'SNAT' : 'DNAT'}`,
        text: `${step.from} → ${step.to}`,
      };
    case 'balance':
      return {
        stage: step.link === undefined ? 'ebpf socket' : `ebpf ${step.link}`,
        tag: step.to === undefined ? 'ends' : step.what === 'source' ? 'SNAT' : 'DNAT',
        text: step.to === undefined ? step.frontend : `${step.from} → ${step.to}`,
      };
    case 'route':
      return { stage: 'route', text: step.text ?? 'no route' };
    case 'ipvs':
      return { stage: `${step.hook} ipvs`, tag: step.how, text: step.server ?? step.service };
    case 'learn':
      return { stage: 'learns', text: `path MTU ${step.mtu} to ${step.destination}` };
    case 'fragment':
    case 'reassemble':
      return { stage: step.kind === 'fragment' ? 'a piece' : 'whole again', text: step.packet.info };
    case 'bridge':
      return { stage: 'bridge', text: `${step.bridge}: ${step.from ?? 'up'} → ${step.to ?? 'up'}` };
    case 'encapsulate':
    case 'decapsulate':
      return {
        stage: step.kind === 'encapsulate' ? 'into tunnel' : 'out of tunnel',
        text: `${step.link}: ${step.packet.saddr} → ${step.packet.daddr}`,
      };
    case 'unanswered':
      return {
        stage: `${step.hook} ${step.table}`,
        tag: `no ${step.which}`,
        text: step.text ?? `policy of ${step.chain}`,
      };
    case 'transmit':
      return { stage: 'out', text: `${step.link} towards ${step.nexthop}` };
    case 'choice':
      return { stage: 'choice', text: `${step.construct}: ${step.taken + 1} of ${step.alternatives}` };
  }
}

/** A host may be entered twice and a rule met twice: only the position in the recorded walk tells them apart. */
const numbered = <T,>(items: readonly T[]): { key: string; item: T }[] =>
  items.map((item, position) => ({ key: String(position), item }));

function Steps({ hop, all }: { hop: Hop; all: boolean }) {
  const steps = numbered(hop.steps).filter(({ item }) => all || decides(item));
  return (
    <ol className="steps">
      {steps.map(({ key, item: step }) => {
        const { stage, tag, text } = words(step);
        const object = 'object' in step ? step.object : undefined;
        return (
          <li key={key}>
            <span className="stage">{stage}</span>
            {tag === undefined ? null : <span className="tag">{tag}</span>}
            <code>{text}</code>
            {object === undefined ? null : (
              <span className="object">
                {object.kind} {object.namespace === undefined ? '' : `${object.namespace}/`}
                {object.name}
                {object.file === undefined ? '' : ` · ${object.file}:${object.line ?? 1}`}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

/** A walk, hop by hop. */
export function Hops({ title, walk, all }: { title: string; walk: WalkView; all: boolean }) {
  return (
    <section className="walk" aria-label={title}>
      <h3>{title}</h3>
      <ol className="hops">
        {numbered(walk.hops).map(({ key, item: hop }) => (
          <li key={key}>
            <h4>
              {hop.place.kind} <b>{hop.place.name}</b>
            </h4>
            <Steps hop={hop} all={all} />
          </li>
        ))}
      </ol>
    </section>
  );
}
