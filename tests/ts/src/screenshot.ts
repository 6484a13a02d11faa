// Takes a picture of a running worker's page in headless Chromium, once everything on it is there. `scripts/screenshot`
// calls it. Anything that the browser complains about, such as a breach of the page's content security policy, is a failure.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

/** How long the page may take to have everything, in milliseconds. */
const PATIENCE = 30_000;

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			browser: { type: 'string' },
			output: { type: 'string' },
			width: { type: 'string', default: '1200' },
			dark: { type: 'boolean', default: false },
		},
	});
	const [url] = positionals;
	const width = Number(values.width);
	if (!url || !values.browser || !values.output) throw new Error('give URL, --browser PROGRAM and --output FILE');
	if (!Number.isInteger(width) || width < 320 || width > 3840) {
		throw new Error(`--width ${values.width} is not a number of pixels from 320 to 3840`);
	}
	const browser = await chromium.launch({
		executablePath: values.browser,
		// Chromium's own sandbox refuses to work for root.
		chromiumSandbox: process.getuid?.() !== 0,
	});
	try {
		const page = await browser.newPage({
			viewport: { width, height: 1000 },
			deviceScaleFactor: 1.5,
			colorScheme: values.dark ? 'dark' : 'light',
		});
		const complaints: string[] = [];
		page.on('console', (message) => {
			// A file that is not stored any more is told on the page.
			const isMissingFile = message.text().startsWith('Failed to load resource');
			if (message.type() === 'error' && !isMissingFile) complaints.push(message.text());
		});
		page.on('pageerror', (error) => complaints.push(error.message));
		await page.goto(url, { timeout: PATIENCE }).catch((error: Error) => {
			throw new Error(`${url} cannot be opened: ${error.message.split('\n', 1)[0]}`);
		});
		await page.locator('html[data-state=ready]').waitFor({ state: 'attached', timeout: PATIENCE });
		// Pictures and replies are loaded when they come into view.
		const waiting = page.locator('[data-cid]:not([data-shown])').first();
		for (const until = Date.now() + PATIENCE; await waiting.count() > 0; ) {
			if (Date.now() > until) throw new Error(`${await waiting.getAttribute('data-cid')} did not load`);
			await waiting.scrollIntoViewIfNeeded({ timeout: PATIENCE }).catch(() => undefined);
		}
		await page.locator('h1').scrollIntoViewIfNeeded();
		mkdirSync(dirname(values.output), { recursive: true });
		await page.screenshot({ path: values.output, fullPage: true });
		if (complaints.length > 0) throw new Error(`the browser complained: ${complaints.join(' | ')}`);
	} finally {
		await browser.close();
	}
}

await main().catch((error: Error) => {
	console.error(`error: ${error.message}`);
	process.exitCode = 1;
});
