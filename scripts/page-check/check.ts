/**
 * Looks at pages of `pnpm bench report` in a real browser: axe-core's rules, nothing wider than the screen, no script, no
 * request to anywhere, at several widths, in light and dark, and as a print. Exit code 1 for a finding.
 *
 *     pnpm -C scripts/page-check install --frozen-lockfile
 *     pnpm exec tsx scripts/page-check/check.ts report.html [--pictures DIRECTORY]
 *
 * It needs Chromium (`CHROMIUM` names it; default chromium of the PATH). It is a script and not a test: the project needs
 * no browser otherwise, and one is a download of hundreds of megabytes.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const WIDTHS = [320, 360, 768, 1280];
const SCHEMES = ['light', 'dark'] as const;
/** Of a picture: browsers do not draw pages of any height at once. */
const PICTURE_PX = 1800;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary: string }[];
}

const { values, positionals } = parseArgs({
  options: { pictures: { type: 'string' } },
  allowPositionals: true,
});
const absent = positionals.find((path) => !existsSync(path));
if (positionals.length === 0 || absent !== undefined) {
  const got = absent === undefined ? 'none' : `"${absent}", which does not exist`;
  process.stderr.write(
    `page-check: expected pages, got ${got}. Write check.ts report.html [--pictures DIRECTORY].\n`,
  );
  process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), 'session-bench-page-'));
const findings: string[] = [];
try {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    headless: true,
    bypassCSP: true,
  });
  for (const path of positionals) findings.push(...(await check(context, resolve(path))));
  await context.close();
} finally {
  rmSync(profile, { recursive: true, force: true });
}
const different = [...new Set(findings)];
for (const finding of different) process.stdout.write(`${finding}\n`);
process.stdout.write(`page-check: ${different.length} findings in ${positionals.length} pages\n`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** All findings of one page. */
async function check(context: BrowserContext, path: string): Promise<string[]> {
  const found: string[] = [];
  const page = await context.newPage();
  page.on('request', (request) => {
    if (request.url() !== pathToFileURL(path).href) found.push(`${path} asks for ${request.url()}`);
  });
  for (const colorScheme of SCHEMES)
    for (const width of WIDTHS) {
      await page.emulateMedia({ colorScheme, media: 'screen' });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(pathToFileURL(path).href);
      // What is folded must be right as well.
      for (const isOpen of [false, true]) {
        await page.evaluate((open) => {
          for (const one of document.querySelectorAll('details')) one.open = open;
        }, isOpen);
        found.push(...(await violations(page)).map((text) => `${basename(path)}, ${colorScheme}: ${text}`));
        found.push(...(await overflows(page)).map((text) => `${basename(path)}, ${width} px: ${text}`));
        if (!isOpen) await takePictures(page, `${basename(path, '.html')}-${width}-${colorScheme}`);
      }
    }
  if ((await page.locator('script').count()) > 0) found.push(`${path} has a script`);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  if (values.pictures !== undefined)
    await page.pdf({
      path: join(values.pictures, `${basename(path, '.html')}.pdf`),
      format: 'A4',
      printBackground: true,
    });
  await page.close();
  return found;
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations: all } = (await page.evaluate('axe.run()')) as { violations: Violation[] };
  return all.flatMap(({ id, help, nodes }) =>
    nodes
      .slice(0, 3)
      .map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  );
}

/** What is wider than the screen, or cut: the page itself, and texts of drawings that leave them or meet another. */
function overflows(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} px wide`);
    for (const svg of document.querySelectorAll('figure > svg')) {
      const frame = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll('text')].filter((one) => one.textContent !== '');
      const boxes = texts.map((one) => ({ text: one.textContent, box: one.getBoundingClientRect() }));
      for (const { text, box } of boxes)
        if (
          box.left < frame.left - 1 ||
          box.right > frame.right + 1 ||
          box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1
        )
          found.push(`"${text}" leaves its drawing`);
      for (const [index, one] of boxes.entries())
        for (const other of boxes.slice(index + 1)) {
          const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
          const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
          if (across > 1 && down > 4) found.push(`"${one.text}" and "${other.text}" overlap`);
        }
      const size = Math.min(...boxes.map(({ box }) => box.height));
      if (size < 11) found.push(`text of ${size.toFixed(1)} px in a drawing`);
    }
    return found;
  });
}

async function takePictures(page: Page, name: string): Promise<void> {
  const { pictures } = values;
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  const { height, width } = await page.evaluate(() => ({
    height: document.documentElement.scrollHeight,
    width: document.documentElement.clientWidth,
  }));
  for (let top = 0, part = 1; top < height; top += PICTURE_PX, part += 1) {
    const clip = { x: 0, y: top, width, height: Math.min(PICTURE_PX, height - top) };
    await page.screenshot({ path: join(pictures, `${name}-${part}.png`), fullPage: true, clip });
  }
}
