// Starts a chain with three operators, runs every test file against it, and stops it; then the same for the test of governance,
// on a chain with more operators, because days pass there. AUTONOMY_NETWORK names a network.json of a running chain
// (scripts/start writes one) to use that chain instead: that of governance where it has the model `council`.
// Usage: node build/run.js [NAME…], such as `jobs governance`, for some of the test files alone

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Network } from './network.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');

/** Ends with the child's status, or throws when it could not be started. */
function ended(child: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
	});
}

/** Starts the network; its description appears in `folder` when it is ready. */
async function start(folder: string, options: readonly string[]): Promise<ChildProcess> {
	const child = spawn(join(root, 'scripts/start'), ['--no-build', '--state', folder, ...options], {
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	const file = join(folder, 'network.json');
	await new Promise<void>((resolve, reject) => {
		const watcher = watch(folder, () => {
			if (!existsSync(file)) return;
			watcher.close();
			resolve();
		});
		child.on('error', reject);
		child.on('exit', (code) => {
			watcher.close();
			reject(new Error(`scripts/start ended with status ${code}`));
		});
	});
	child.removeAllListeners('exit');
	return child;
}

/** Test files that need the network of governance. */
const GOVERNANCE = ['governance.test.js'];

/** Runs test files, one after the other. */
function test(files: readonly string[], environment: Record<string, string>): Promise<number> {
	const options = ['--test', '--test-concurrency=1', '--test-reporter=tap', ...files];
	return ended(spawn(process.execPath, options, { stdio: 'inherit', env: { ...process.env, ...environment } }));
}

/** Runs test files against a network, which is started for them and stopped. */
async function testOn(files: readonly string[], options: readonly string[]): Promise<number> {
	const folder = mkdtempSync(join(tmpdir(), 'autonomy-tests-'));
	let chain: ChildProcess | undefined;
	const stop = async () => {
		if (chain && chain.exitCode === null) {
			const gone = ended(chain);
			chain.kill('SIGTERM');
			await gone;
		}
		rmSync(folder, { recursive: true, force: true });
	};
	const interrupt = () => void stop().then(() => process.exit(1));
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
	try {
		chain = await start(folder, options);
		return await testAgainst(files, join(folder, 'network.json'));
	} finally {
		for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, interrupt);
		await stop();
	}
}

/** Runs test files against the network of a description. */
function testAgainst(files: readonly string[], description: string): Promise<number> {
	return test(files, { AUTONOMY_URL: networkOf(description).url, AUTONOMY_NETWORK: description });
}

const networkOf = (description: string) => JSON.parse(readFileSync(description, 'utf8')) as Network;

async function main(): Promise<number> {
	const wanted = process.argv.slice(2).map((name) => `${name}.test.js`);
	const isWanted = (file: string) => wanted.length === 0 || wanted.includes(basename(file));
	const of = (folder: string) =>
		readdirSync(folder).filter((name) => name.endsWith('.test.js') && isWanted(name)).map((name) => join(folder, name));
	// Those that need no chain at all come first.
	const [alone, all] = [of(join(here, 'dso')), of(here)];
	const [governance, others] = [
		all.filter((file) => GOVERNANCE.includes(basename(file))),
		all.filter((file) => !GOVERNANCE.includes(basename(file))),
	];
	const results = [alone.length > 0 ? await test(alone, {}) : 0];
	const running = process.env.AUTONOMY_NETWORK;
	if (running) {
		const files = networkOf(running).council === undefined ? others : governance;
		if (files.length > 0) results.push(await testAgainst(files, running));
	} else {
		if (others.length > 0) results.push(await testOn(others, []));
		if (governance.length > 0) results.push(await testOn(governance, ['--governance']));
	}
	return Math.max(...results);
}

process.exitCode = await main();
