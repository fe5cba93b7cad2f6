/** The report's style sheet: dark and light, narrow screens, print. */
export const styleSheet = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c1f23; --soft: #59616b; --line: #d5d9de; --panel: #f5f6f8; --id: #1f63b5; --ood: #b8500c;
  --c0: #1f63b5; --c1: #b8500c; --c2: #17754a; --c3: #8a3fa0; --c4: #a3324b; --c5: #5f6600; --c6: #00717f; --c7: #555b63; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #14171a; --fg: #e6e8ea; --soft: #a3abb5; --line: #363c43; --panel: #1d2125; --id: #7db6f7; --ood: #f3a15f;
    --c0: #7db6f7; --c1: #f3a15f; --c2: #6fd09a; --c3: #d5a3ea; --c4: #f49db0; --c5: #c8d060; --c6: #62d3e0; --c7: #b4bcc6; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 clamp(.9rem, 3vw, 2rem); }
header { padding-top: 1.5rem; }
h1 { font-size: clamp(1.4rem, 4vw, 1.9rem); line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .4rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
p, dd, li { max-width: 70ch; overflow-wrap: anywhere; }
a { color: var(--id); }
.soft, caption, figcaption { color: var(--soft); font-size: .875rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: .6rem 0 0; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
:focus-visible { outline: 2px solid var(--id); outline-offset: 2px; }
.scroll { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .8125rem; font-variant-numeric: tabular-nums; min-width: 100%; }
caption { text-align: left; padding-bottom: .4rem; }
caption span { display: block; position: sticky; left: 0; max-width: min(70ch, 100vw - 2rem); }
th .soft { font-weight: 400; font-size: .75rem; }
th, td { padding: .32rem .45rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { vertical-align: bottom; }
thead th[colspan], thead .group, tbody th { text-align: left; }
tbody [rowspan] { vertical-align: top; }
tbody th { font-weight: 400; }
tbody th.group { font-weight: 600; }
.first { border-left: 1px solid var(--line); }
.average { background: var(--panel); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem; }
.facts table { margin-bottom: 1rem; }
.facts th { vertical-align: top; color: var(--soft); }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; width: 99%; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15.5rem), 1fr)); gap: 1rem; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
figure { margin: 0; min-width: 0; }
.charts > figure { background: var(--panel); border-radius: 6px; padding: .6rem; }
svg.chart { display: block; width: 100%; height: auto; max-width: 28rem; overflow: visible; font-variant-numeric: tabular-nums; }
figcaption b { color: var(--fg); }
figcaption { overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; font-size: .875rem; }
.legend svg { width: 2rem; height: .8rem; vertical-align: middle; margin-right: .35rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 10.5rem), 1fr)); gap: 1rem; align-items: start; }
.pictures img { display: block; max-width: 100%; height: auto; max-height: 20rem; border-radius: 4px; margin-bottom: .3rem; }
h3 .soft { font-weight: 400; }
.pictures.small { grid-template-columns: repeat(auto-fill, minmax(min(45%, 7.5rem), 1fr)); }
.pictures.tiny { grid-template-columns: repeat(auto-fill, minmax(min(30%, 6.5rem), 1fr)); gap: .6rem; }
pre { background: var(--panel); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; font-size: .875rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
details { margin: .5rem 0; }
.data { min-width: 0; }
.data thead th { white-space: normal; min-width: 4.5rem; text-align: right; }
.data thead .group { text-align: left; }
.names { columns: 11rem; padding-left: 1.2rem; }
footer { padding-bottom: 2.5rem; margin-top: 2.5rem; }
@media (max-width: 40rem) {
  th, td { padding: .3rem; }
  tbody th.group { white-space: normal; min-width: 4.6rem; }
}
@media print {
  :root { --bg: #fff; --fg: #000; --soft: #444; --line: #999; --panel: #fff; --id: #1f63b5; --ood: #b8500c; color-scheme: light;
    --c0: #1f63b5; --c1: #b8500c; --c2: #17754a; --c3: #8a3fa0; --c4: #a3324b; --c5: #5f6600; --c6: #00717f; --c7: #555b63; }
  body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .skip { display: none; }
  figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7pt; }
  th, td { padding: .1rem .2rem; white-space: normal; }
  .charts:not(.wide) { grid-template-columns: repeat(4, 1fr); gap: .4rem; }
  .charts > figure { padding: .2rem; }
  .soft, caption, figcaption, th .soft, .legend { font-size: 7pt; }
  .facts th { white-space: nowrap; }
  details::details-content { content-visibility: visible; block-size: auto; }
  pre { white-space: pre-wrap; }
}
`;
