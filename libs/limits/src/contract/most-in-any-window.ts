/** Of moments in ascending order, how many fall into one span of `windowMs` at most, its end not included. */
export function mostInAnyWindow(moments: readonly number[], windowMs: number): number {
  let [most, begin] = [0, 0];
  moments.forEach((moment, index) => {
    while (moment - (moments[begin] as number) >= windowMs) begin++;
    most = Math.max(most, index - begin + 1);
  });
  return most;
}
