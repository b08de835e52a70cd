/** What rules of one mask want, and the first of them: `Narrow` where 32 bits of each address count, `Wide` where more do. */
import { Packet } from '../layout/packet';
import { HASH_A, HASH_B, HASH_C, HASH_D, HASH_E, HASH_F, spread } from '../store/hash';
import { Header } from './header';

@unmanaged
export class Narrow {
  addresses: u64;
  transport: u64;
  interfaces: u64;
  position: u32;
  reserved: u32;

  /** What a rule wants. */
  @inline
  takeRule(values: Header): void {
    this.addresses = values.saddrLo | (values.daddrLo << 32);
    this.transport = values.transport;
    this.interfaces = values.interfaces;
  }

  /** What a packet has under the mask. */
  @inline
  takePacket(mask: Header, p: Packet, transport: u64, interfaces: u64): void {
    this.addresses = (p.saddrLo & mask.saddrLo) | ((p.daddrLo & mask.daddrLo) << 32);
    this.transport = transport & mask.transport;
    this.interfaces = interfaces & mask.interfaces;
  }

  @inline
  hash(): u64 {
    return spread(this.addresses * HASH_A + this.transport * HASH_B + this.interfaces * HASH_C);
  }

  @inline
  equals(other: Narrow): bool {
    return (
      ((this.addresses ^ other.addresses) |
        (this.transport ^ other.transport) |
        (this.interfaces ^ other.interfaces)) ==
      0
    );
  }

  @inline
  assign(other: Narrow): void {
    this.addresses = other.addresses;
    this.transport = other.transport;
    this.interfaces = other.interfaces;
    this.position = other.position;
  }
}

@unmanaged
export class Wide {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  transport: u64;
  interfaces: u64;
  position: u32;
  reserved: u32;

  @inline
  takeRule(values: Header): void {
    this.saddrHi = values.saddrHi;
    this.saddrLo = values.saddrLo;
    this.daddrHi = values.daddrHi;
    this.daddrLo = values.daddrLo;
    this.transport = values.transport;
    this.interfaces = values.interfaces;
  }

  @inline
  takePacket(mask: Header, p: Packet, transport: u64, interfaces: u64): void {
    this.saddrHi = p.saddrHi & mask.saddrHi;
    this.saddrLo = p.saddrLo & mask.saddrLo;
    this.daddrHi = p.daddrHi & mask.daddrHi;
    this.daddrLo = p.daddrLo & mask.daddrLo;
    this.transport = transport & mask.transport;
    this.interfaces = interfaces & mask.interfaces;
  }

  @inline
  hash(): u64 {
    return spread(
      this.saddrHi * HASH_A +
        this.saddrLo * HASH_B +
        this.daddrHi * HASH_C +
        this.daddrLo * HASH_D +
        this.transport * HASH_E +
        this.interfaces * HASH_F,
    );
  }

  @inline
  equals(other: Wide): bool {
    return (
      ((this.saddrHi ^ other.saddrHi) |
        (this.saddrLo ^ other.saddrLo) |
        (this.daddrHi ^ other.daddrHi) |
        (this.daddrLo ^ other.daddrLo) |
        (this.transport ^ other.transport) |
        (this.interfaces ^ other.interfaces)) ==
      0
    );
  }

  @inline
  assign(other: Wide): void {
    this.saddrHi = other.saddrHi;
    this.saddrLo = other.saddrLo;
    this.daddrHi = other.daddrHi;
    this.daddrLo = other.daddrLo;
    this.transport = other.transport;
    this.interfaces = other.interfaces;
    this.position = other.position;
  }
}
