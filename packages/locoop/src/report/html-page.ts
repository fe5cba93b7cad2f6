import { html, type Markup } from "./escape.js";
import { styleSheet } from "./html-style.js";

/** A whole page without scripts or requests, in the style of the report; `style` adds rules to it. */
export function htmlPage({ title, body, style = "" }: { title: string; body: Markup; style?: string }): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        />
        <title>${title}</title>
        <style>
          ${{ markup: styleSheet + style }}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `.markup;
}
