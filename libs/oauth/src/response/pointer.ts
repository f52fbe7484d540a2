/** Whatever stands beside the value of a pointer. */
export function siblingOf(pointer: string, name: string): string {
  return `${pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')))}/${name}`;
}
