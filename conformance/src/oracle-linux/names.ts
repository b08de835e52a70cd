/** Link-layer addresses of the far ends that no namespace of a configuration holds: the ports of the lab's own switch. */
export const MADE_UP_MAC = '02:0b:ad:00:00:01';
