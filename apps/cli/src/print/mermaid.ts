/** An answer as a Mermaid sequence diagram: each place a participant, the packet as it travels, the rewrites as notes. */
import {
  type PacketView,
  type Place,
  printPacket,
  stagesOf,
  type TraceAnswer,
  typicalOutcome,
  type WalkView,
} from '@podwire/model';
import { placeText } from './words.ts';

/** Mermaid ends a message at `;` and reads `#` as the start of an entity. */
function label(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll(';', '#59;');
}

class Diagram {
  readonly lines: string[] = ['sequenceDiagram'];
  readonly #ids = new Map<string, string>();

  id(place: Place): string {
    const name = placeText(place);
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = `p${this.#ids.size + 1}`;
      this.#ids.set(name, id);
      this.lines.push(`  participant ${id} as ${label(name)}`);
    }
    return id;
  }
}

function walkLines(diagram: Diagram, walk: WalkView, isReply: boolean): string[] {
  const arrow = isReply ? '-->>' : '->>';
  const lines: string[] = [];
  const packets: PacketView[] = [];
  for (const hop of walk.hops) {
    const enter = hop.steps.find((s) => s.kind === 'enter');
    if (enter?.kind === 'enter') packets.push(enter.packet);
  }
  walk.hops.forEach((hop, i) => {
    const id = diagram.id(hop.place);
    for (const stage of stagesOf({ ...walk, hops: [hop] }, isReply)) {
      if (stage.stage === 'route' || stage.stage === 'socket') continue;
      if (stage.stage === walk.verdict) continue;
      lines.push(`  Note over ${id}: ${label(`${stage.stage}: ${stage.text}`)}`);
    }
    const next = walk.hops[i + 1];
    const packet = packets[i + 1];
    if (next && packet) lines.push(`  ${id}${arrow}${diagram.id(next.place)}: ${label(printPacket(packet))}`);
    else if (!next) lines.push(`  Note over ${id}: ${label(`${walk.verdict} (${walk.reason})`)}`);
  });
  return lines;
}

/** One diagram per group, the first way that ends as the group does. */
export function traceMermaid(answer: TraceAnswer): string {
  const diagrams = answer.groups.map((group) => {
    const outcome = typicalOutcome(group.outcomes, group.verdict);
    const diagram = new Diagram();
    const title = `${group.verdict.toUpperCase()} ${group.sources[0]?.name ?? ''} > ${group.destinations[0]?.name ?? ''}`;
    const forward = outcome ? walkLines(diagram, outcome.forward, false) : [];
    const reply = outcome?.reply ? walkLines(diagram, outcome.reply, true) : [];
    return [`---`, `title: ${JSON.stringify(title)}`, `---`, ...diagram.lines, ...forward, ...reply].join('\n');
  });
  return `${diagrams.join('\n\n')}\n`;
}
