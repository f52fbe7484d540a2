/** The body of an answer, and no more of it than may be. @throws what `tooMuch` makes */
export async function readBounded(response: Response, maxBytes: number, tooMuch: () => Error): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooMuch();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
