// Starts a chain with three operators, runs every test file against it, and stops it. AUTONOMY_NETWORK names a
// network.json of a running chain (scripts/start writes one) to use that chain instead.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
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
async function start(folder: string): Promise<ChildProcess> {
	const child = spawn(join(root, 'scripts/start'), ['--no-build', '--state', folder], {
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

async function main(): Promise<number> {
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
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => void stop().then(() => process.exit(1)));
	}
	try {
		let description = process.env.AUTONOMY_NETWORK;
		if (!description) {
			chain = await start(folder);
			description = join(folder, 'network.json');
		}
		const { url } = JSON.parse(readFileSync(description, 'utf8')) as Network;
		const files = readdirSync(here).filter((name) => name.endsWith('.test.js')).map((name) => join(here, name));
		const options = ['--test', '--test-concurrency=1', '--test-reporter=tap', ...files];
		const environment = { ...process.env, AUTONOMY_URL: url, AUTONOMY_NETWORK: description };
		return await ended(spawn(process.execPath, options, { stdio: 'inherit', env: environment }));
	} finally {
		await stop();
	}
}

process.exitCode = await main();
