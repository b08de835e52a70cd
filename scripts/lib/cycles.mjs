// Cycles in a directed graph given as name -> names.

/**
 * The strongly connected components with more than one member (Tarjan), each sorted; self edges do not count.
 *
 * @param {Map<string, Set<string>>} graph
 * @returns {string[][]}
 */
export function cycles(graph) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const found = [];

  const visit = (node) => {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== order.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1) found.push(component.sort());
  };

  for (const node of [...graph.keys()].sort()) if (!order.has(node)) visit(node);
  return found;
}
