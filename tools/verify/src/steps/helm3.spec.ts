import { describe, expect, it } from '@jest/globals';
import { differences, objectsIn } from './helm3.js';

const service = (port: number): string => `kind: Service\nmetadata: {name: gateway}\nspec: {ports: [{port: ${port}}]}\n`;

describe('two renderings', () => {
  it('are the same whatever the order of their objects and fields', () => {
    const policy = 'metadata: {name: gateway}\nkind: NetworkPolicy\n';
    const left = `# Source: a\n${service(80)}---\n${policy}`;
    expect(differences(objectsIn(left), objectsIn(`${policy}---\n${service(80)}`))).toEqual([]);
  });

  it('differ by a value, and by an object that one lacks', () => {
    expect(differences(objectsIn(service(80)), objectsIn(service(81)))).toEqual(['Service//gateway']);
    expect(differences(objectsIn(service(80)), objectsIn(''))).toEqual(['Service//gateway']);
  });

  it('have Secrets of which only the names are compared', () => {
    const secret = (value: string): string => `kind: Secret\nmetadata: {name: core}\nstringData: {token: ${value}}\n`;
    expect(differences(objectsIn(secret('a')), objectsIn(secret('b')))).toEqual([]);
  });
});
