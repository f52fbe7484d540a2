import {
  buildSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  parse,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql';
import type { SourceFacts } from '@keyward/vendor-emulation';

/** How many input objects deep the inputs of variables are described: filters refer to each other without end. */
const INPUT_DEPTH = 2;

/** The schema as SDL, of nothing but what the documents use. */
export function extractGraphql(sdl: string, documents: readonly string[], facts: SourceFacts): string {
  const schema = buildSchema(sdl, { assumeValidSDL: true });
  const used = new Used(schema);
  for (const document of documents) used.add(document);
  const { file, sha256, date, licence } = facts;
  const head = [
    `# The part of ${file} that the tools use: facts alone, without descriptions.`,
    `# sha256 of the whole: ${sha256}`,
    `# ${date}, ${licence}`,
    `# Input objects more than ${INPUT_DEPTH} deep have their scalars and comparators alone.`,
  ];
  return `${head.join('\n')}\n\n${used.print()}\n`;
}

type Maybe = GraphQLType | null | undefined | void;

const namedOf = (type: Maybe): GraphQLNamedType | undefined => getNamedType(type as GraphQLType | undefined);

class Used {
  /** Type → fields in use, of object and interface types. */
  private readonly fields = new Map<string, Set<string>>();
  private readonly inputs = new Map<string, number>();
  private readonly others = new Set<string>();
  /** `Type.field` → arguments in use. */
  private readonly args = new Map<string, Set<string>>();
  /** Input type → fields that a document itself writes. */
  private readonly written = new Map<string, Set<string>>();

  constructor(private readonly schema: GraphQLSchema) {}

  add(document: string): void {
    const info = new TypeInfo(this.schema);
    visit(
      parse(document),
      visitWithTypeInfo(info, {
        Field: (node) => {
          const [parent, field] = [info.getParentType(), info.getFieldDef()];
          const named = new Set((node.arguments ?? []).map(({ name }) => name.value));
          if (parent && field && !field.name.startsWith('__')) this.field(parent, field, named);
        },
        ObjectField: (node) => {
          const parent = namedOf(info.getParentInputType());
          if (isInputObjectType(parent)) this.writtenField(parent, node.name.value);
        },
        VariableDefinition: (node) => {
          const type = namedOf(typeFromAST(this.schema, node.type as never));
          if (type !== undefined) this.input(type, INPUT_DEPTH);
        },
        InlineFragment: () => this.composite(info.getType()),
        FragmentDefinition: () => this.composite(info.getType()),
      }),
    );
  }

  print(): string {
    const names = [...new Set([...this.fields.keys(), ...this.inputs.keys(), ...this.others])].sort();
    const roots = ['query: Query', 'mutation: Mutation'].filter((root) => this.fields.has(root.split(': ')[1] ?? ''));
    const parts = names.map((name) => this.printed(this.schema.getType(name))).filter((text) => text !== '');
    return [`schema {\n  ${roots.join('\n  ')}\n}`, ...parts].join('\n\n');
  }

  private field(parent: GraphQLNamedType, field: GraphQLField<unknown, unknown>, named: ReadonlySet<string>): void {
    const fields = this.fields.get(parent.name) ?? new Set();
    this.fields.set(parent.name, fields.add(field.name));
    const at = `${parent.name}.${field.name}`;
    const kept = field.args.filter(
      ({ name, type }) => named.has(name) || !isInputObjectType(getNamedType(type)) || isNonNullType(type),
    );
    this.args.set(at, new Set([...(this.args.get(at) ?? []), ...kept.map(({ name }) => name)]));
    for (const argument of kept) this.input(getNamedType(argument.type), 0);
    this.composite(getNamedType(field.type));
  }

  private writtenField(type: GraphQLInputObjectType, name: string): void {
    this.written.set(type.name, (this.written.get(type.name) ?? new Set()).add(name));
    this.input(type, 0);
    const field = type.getFields()[name];
    if (field !== undefined) this.input(getNamedType(field.type), 0);
  }

  private composite(type: Maybe): void {
    const named = namedOf(type);
    if (named === undefined) return;
    if (isUnionType(named)) this.others.add(named.name);
    else if (isObjectType(named) || isInterfaceType(named)) {
      if (!this.fields.has(named.name)) this.fields.set(named.name, new Set());
    } else this.leaf(named);
  }

  private input(type: GraphQLNamedType, depth: number): void {
    if (!isInputObjectType(type)) return this.leaf(type);
    if ((this.inputs.get(type.name) ?? -1) >= depth) return;
    this.inputs.set(type.name, depth);
    // One that leads deeper with every field has to lead there: a type without fields is none.
    if (this.inputFields(type).length === 0) this.inputs.set(type.name, 1);
    for (const field of this.inputFields(type)) this.input(getNamedType(field.type), Math.max(0, depth - 1));
  }

  /** All fields, or where it is too deep those that lead no deeper. */
  private inputFields(type: GraphQLInputObjectType) {
    const deep = (this.inputs.get(type.name) ?? 0) > 0;
    const written = this.written.get(type.name);
    return Object.values(type.getFields()).filter(
      ({ name, type: of }) => deep || written?.has(name) === true || isNonNullType(of) || isShallow(getNamedType(of)),
    );
  }

  private leaf(type: GraphQLNamedType): void {
    if (isEnumType(type) || (isScalarType(type) && !isSpecifiedScalarType(type))) this.others.add(type.name);
  }

  private printed(type: GraphQLNamedType | undefined): string {
    if (type === undefined) return '';
    if (isEnumType(type))
      return `enum ${type.name} { ${type
        .getValues()
        .map(({ name }) => name)
        .join(' ')} }`;
    if (isScalarType(type)) return `scalar ${type.name}`;
    if (isInputObjectType(type))
      return block(
        `input ${type.name}`,
        this.inputFields(type).map((field) => `${field.name}: ${String(field.type)}`),
      );
    if (isUnionType(type)) {
      const members = type.getTypes().filter(({ name }) => this.fields.has(name));
      return `union ${type.name} = ${members.map(({ name }) => name).join(' | ')}`;
    }
    const fields = Object.values(type.getFields()).filter(({ name }) => this.fields.get(type.name)?.has(name));
    const interfaces = type.getInterfaces().filter(({ name }) => this.fields.has(name));
    const implementing = interfaces.length === 0 ? '' : ` implements ${interfaces.map(({ name }) => name).join(' & ')}`;
    const printedFields = fields.map((field) => fieldText(field, this.args.get(`${type.name}.${field.name}`)));
    return block(`${isObjectType(type) ? 'type' : 'interface'} ${type.name}${implementing}`, printedFields);
  }
}

function fieldText({ name, args, type }: GraphQLField<unknown, unknown>, used: ReadonlySet<string> | undefined): string {
  const inputs = args.filter((one) => used?.has(one.name)).map((one) => `${one.name}: ${String(one.type)}`);
  return `${name}${inputs.length === 0 ? '' : `(${inputs.join(', ')})`}: ${String(type)}`;
}

/** No input object, or one whose fields are none: a comparator such as `{eq, in}`. */
function isShallow(type: GraphQLNamedType): boolean {
  if (!isInputObjectType(type)) return true;
  return Object.values(type.getFields()).every((field) => !isInputObjectType(getNamedType(field.type)));
}

const block = (head: string, lines: readonly string[]) => (lines.length === 0 ? '' : `${head} {\n  ${lines.join('\n  ')}\n}`);
