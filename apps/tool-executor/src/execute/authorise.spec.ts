import { describe, expect, it } from '@jest/globals';
import type { Tool } from '@keyward/connectors';
import { permissionLevels, toolEffects, type PermissionLevel, type ToolEffect } from '@keyward/contracts';
import { authorise } from './authorise.js';

function allows(effect: ToolEffect, permission: PermissionLevel | null, tools: string[] | null): boolean {
  try {
    authorise({ name: 'a_tool', effect } as Tool, { permission, tools });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'tool_not_assigned', httpStatus: 403 });
    return false;
  }
}

describe('authorise', () => {
  it.each(permissionLevels)('with %s allows effects up to it and no further', (permission) => {
    const allowed = toolEffects.filter((effect) => allows(effect, permission, null));
    expect(allowed).toEqual(toolEffects.slice(0, permissionLevels.indexOf(permission) + 1));
  });

  it('refuses everything where the connector is not assigned', () => {
    expect(toolEffects.filter((effect) => allows(effect, null, null))).toEqual([]);
    expect(allows('read', null, ['a_tool'])).toBe(false);
  });

  it('refuses tools that are not named, where tools are named', () => {
    expect(allows('read', 'destructive', ['a_tool'])).toBe(true);
    expect(allows('read', 'destructive', ['other', 'A_TOOL', 'a_tool '])).toBe(false);
    expect(allows('read', 'destructive', [])).toBe(false);
  });

  it('tells all refusals alike', () => {
    const messages = (
      [
        [null, null],
        ['read', null],
        ['destructive', []],
      ] as const
    ).map(([permission, tools]) => {
      try {
        authorise({ name: 'a_tool', effect: 'write' } as Tool, { permission, tools: tools as string[] | null });
      } catch (error) {
        return String(error);
      }
      return 'allowed';
    });
    expect(new Set(messages).size).toBe(1);
  });
});
