export interface OrderItem {
  readonly productId: string;
  readonly quantity: number;
  /** Of one piece. */
  readonly priceCents: number;
}

/** What the items cost together. */
export function totalOf(items: readonly OrderItem[]): number {
  return items.reduce((total, { quantity, priceCents }) => total + quantity * priceCents, 0);
}
