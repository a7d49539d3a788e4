/** A template as the engine sees it, wherever it came from: the checkout's folder or the published bundle. */
export interface Template {
  /** Path in the checkout, for messages: `templates/saga-order/package.json.hbs`. */
  readonly source: string;
  /** Path in the project, with `/`. */
  readonly output: string;
  readonly content: TemplateContent;
}

export type TemplateContent =
  | { readonly kind: 'verbatim'; readonly bytes: Uint8Array }
  | { readonly kind: 'rendered'; readonly render: (data: object) => string };

/** Everything one example is made of; one owner per output path, in the order of output paths. */
export interface TemplateSet {
  readonly templates: readonly Template[];
}

/** Where templates come from. */
export interface TemplateSource {
  /** The templates of an example with its overlays applied. */
  load(example: TemplateSetRequest): TemplateSet;
}

/** What a source has to know of an example's manifest. */
export interface TemplateSetRequest {
  readonly name: string;
  readonly features: readonly string[];
  readonly overrides?: readonly string[];
}
