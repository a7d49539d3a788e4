/** The words of a name in any spelling: `myOrders`, `my-orders`, `My orders` → `my`, `orders`. */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[^A-Za-z0-9]+/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export const kebab = (text: string): string => wordsOf(text).join('-');
export const snake = (text: string): string => wordsOf(text).join('_');
export const constant = (text: string): string => wordsOf(text).join('_').toUpperCase();
export const pascal = (text: string): string => wordsOf(text).map(capitalised).join('');
export const camel = (text: string): string =>
  wordsOf(text)
    .map((word, index) => (index === 0 ? word : capitalised(word)))
    .join('');
