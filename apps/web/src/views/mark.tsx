import type { VerdictWord } from '@podwire/model';
import type { ReactNode } from 'react';

/** A verdict's shape: it says the same as the colour, for eyes and printers without one. */
const shapes: Record<VerdictWord, ReactNode> = {
  delivered: (
    <>
      <circle cx="8" cy="8" r="7" className="fill" />
      <path d="M4.8 8.2 7 10.4 11.3 5.9" className="cut" />
    </>
  ),
  dropped: (
    <>
      <rect x="1.5" y="1.5" width="13" height="13" rx="2" className="fill" />
      <path d="M5.2 5.2 10.8 10.8 M10.8 5.2 5.2 10.8" className="cut" />
    </>
  ),
  rejected: (
    <>
      <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5Z" className="fill" />
      <path d="M11 10.5V8.6a2 2 0 0 0-2-2H5 M7 4.4 4.8 6.6 7 8.8" className="cut" />
    </>
  ),
  refused: (
    <>
      <path d="M8 .8 15.2 8 8 15.2.8 8Z" className="fill" />
      <path d="M5 8h6" className="cut" />
    </>
  ),
  unreachable: (
    <>
      <path d="M8 2 14 11.5H2Z" className="line" />
      <path d="M1 14.4h4.5 M10.5 14.4H15" className="line" />
    </>
  ),
  depends: (
    <>
      <circle cx="8" cy="8" r="6.5" className="line" />
      <path d="M8 1.5a6.5 6.5 0 0 0 0 13Z" className="fill" />
    </>
  ),
  unknown: (
    <>
      <circle cx="8" cy="8" r="6.5" className="line dashed" />
      <path d="M6.2 6.4a1.9 1.9 0 1 1 2.7 1.7c-.6.3-.9.6-.9 1.2 M8 11.4v.2" className="line" />
    </>
  ),
};

export function Mark({ verdict, word = true }: { verdict: VerdictWord; word?: boolean }) {
  return (
    <span className={`verdict ${verdict}`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {shapes[verdict]}
      </svg>
      <span className={word ? undefined : 'unseen'}>{verdict}</span>
    </span>
  );
}
