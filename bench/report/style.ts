/**
 * The style of a page, for screens from 320 px and for paper. Colours of series differ in lightness too, and have a
 * contrast of 3:1 or more to the page in both modes; text has 4.5:1 or more.
 */
export const LIGHT = `--page:#fff;--card:#f6f7f9;--text:#1b1f24;--soft:#4d5560;--line:#c9ced6;--grid:#dfe3e8;--link:#0b57a4;
--bar:#8fb4dc;--mark:#0b4f94;--part-1:#0b5fb0;--part-2:#c2571a;--part-3:#7d7f86;
--series-0:#5c6470;--series-1:#0b5fb0;--series-2:#c2571a;--series-3:#0a7a52;--series-4:#8a3fa0;--series-5:#8a6a00;--series-6:#b8306f;--series-7:#0f7f8c;--series-8:#3b3f46`;
export const DARK = `--page:#14171b;--card:#1c2026;--text:#e8eaed;--soft:#b4bbc5;--line:#454c56;--grid:#30363e;--link:#8cc1ff;
--bar:#3f6d9f;--mark:#a8d1ff;--part-1:#5aa5ef;--part-2:#f29a5f;--part-3:#a3a8b0;
--series-0:#a3a8b0;--series-1:#5aa5ef;--series-2:#f29a5f;--series-3:#4fc79b;--series-4:#cf9be6;--series-5:#dcb447;--series-6:#ff8fbf;--series-7:#5fd0dd;--series-8:#dfe2e6`;

export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header,main,footer{max-width:1180px;margin:0 auto;padding:0 16px}
header{padding-top:24px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 8px}
h2{font-size:1.3rem;line-height:1.25;margin:40px 0 12px}
h3{font-size:1.1rem;line-height:1.3;margin:28px 0 8px}
h4{font-size:1rem;line-height:1.3;margin:20px 0 8px}
p,ul,ol,dl{margin:0 0 12px}
p,li{max-width:75ch;overflow-wrap:anywhere}
h1,h2,h3,h4{overflow-wrap:anywhere}
a{color:var(--link)}
nav ul{padding:0;margin:12px 0 0;list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px}
nav li{max-width:none}
nav a{display:inline-block;padding:4px 0}
.soft,.remark{color:var(--soft)}
.remark{font-size:.875rem}
.answer{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:4px 20px 12px;margin-top:20px}
.answer h2{margin-top:14px}
.answer ol{padding-left:1.3em}
.answer li{margin-bottom:10px;font-size:1.06rem;max-width:85ch}
.clause{display:block}
.figure{display:grid;grid-template-columns:minmax(0,1fr);gap:4px 32px;margin:0 0 28px;break-inside:avoid}
.figure>h3,.figure>h4{margin:8px 0 4px}
figure{margin:0;max-width:430px}
figure>svg{display:block;width:100%;height:auto;font-family:inherit}
.legend{list-style:none;padding:0;margin:4px 0 12px;display:flex;flex-wrap:wrap;gap:2px 16px;font-size:.875rem}
.legend svg{margin-right:7px;vertical-align:-1px}
.beside{min-width:0}
.scroll{overflow-x:auto;margin:0 0 12px;max-width:100%}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;line-height:1.35}
caption{text-align:left;color:var(--soft);padding:0 0 4px;caption-side:top}
th,td{padding:5px 12px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);font-weight:400}
thead th{font-weight:600;vertical-align:bottom}
tbody th{font-weight:600}
td{min-width:3.5em}
.number{text-align:right}
.short,.name{white-space:nowrap}
.name wbr{white-space:normal}
summary{cursor:pointer;padding:4px 0}
details{margin:0 0 12px}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
footer{margin-top:40px;padding-bottom:32px;border-top:1px solid var(--line);padding-top:12px}
code{font-size:.9em}
@media (min-width:1000px){
.figure:not(.tables){grid-template-columns:430px minmax(0,1fr)}
.pairs{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 32px}
.figure>h3,.figure>h4{grid-column:1/-1}
}
@media (max-width:400px){header,main,footer{padding:0 12px}.answer{padding:4px 12px 8px}}
@page{margin:14mm}
@media print{
:root,:root:root{color-scheme:light;${LIGHT}}
body{font-size:10pt}
nav{display:none}
header,main,footer{max-width:none;padding:0}
figure{max-width:7.2cm}
.figure:not(.tables){grid-template-columns:7.2cm minmax(0,1fr);gap:2px 16px;margin-bottom:12px}
.figure>h3,.figure>h4{grid-column:1/-1}
.legend{font-size:8pt}
h2,h3,h4{break-after:avoid;break-inside:avoid}
tr,li{break-inside:avoid}
.scroll{overflow:visible}
table{font-size:8pt}
th,td{padding-right:8px}
.short{white-space:normal}
.answer{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}
svg,rect,circle,path{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`;
