import js from '@eslint/js';
import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import ts from 'typescript-eslint';
import { depConstraints, specDepConstraints } from './boundaries.mjs';

// The rule reads the project graph from its cache, and a stale graph lets a forbidden import through: make it anew first.
await createProjectGraphAsync({ exitOnError: true });

const boundaries = (constraints) => ['error', { enforceBuildableLibDependency: false, allow: [], depConstraints: constraints }];

/** Where reading the environment is the job. The sandbox provider stands for somebody else's service and takes none of our bootstrap. */
const MAY_READ_ENV = [
  'libs/service-host/**',
  'libs/testing/**',
  'tools/**',
  '**/*.spec.ts',
  '**/test/**',
  'apps/sandbox-provider/src/main.ts',
];

const noExportStar = { selector: 'ExportAllDeclaration', message: 'Name what is exported: no `export *`.' };
const noProcessEnv = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'process.env is read in libs/service-host only.',
};

export default ts.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**', '.keyward/**', 'coverage/**'] },
  js.configs.recommended,
  ...ts.configs.strict,
  {
    plugins: { '@nx': nx },
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', Buffer: 'readonly', fetch: 'readonly' },
    },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', noExportStar, noProcessEnv],
      eqeqeq: 'error',
    },
  },
  { files: MAY_READ_ENV, rules: { 'no-restricted-syntax': ['error', noExportStar] } },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts', 'tools/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries(depConstraints) },
  },
  {
    // The envelope is opened in one place: libs/credentials. Apps compose it through that library's factory.
    files: ['apps/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: [{ name: '@keyward/vault', message: 'Go through @keyward/credentials.' }] }],
    },
  },
  {
    files: ['**/*.spec.ts', '**/test/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries(specDepConstraints),
      'max-lines-per-function': 'off',
      'no-restricted-imports': 'off',
    },
  },
  prettier,
);
