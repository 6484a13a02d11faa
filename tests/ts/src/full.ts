// The whole story on a running network: a character with fans and investors, talks and pictures that earn, a work that is
// sold and sold on, animation, sprites and tile, and a style that its trainer gets shares for. `scripts/demo --full` calls it.
// Every sum that it prints it has checked to the planck.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { AUTON, Chain, type ChainEvent, DispatchFailure, type Included, SHARE, event, hex, int, keyOf } from './chain.js';
import { type Character, charter, createCharacter, memoryAt, order, talk } from './characters.js';
import { drawings, evaluationSet } from './drawings.js';
import { numberOf } from './dso/actions.js';
import { animation, image, spriteSheet, tile } from './inputs.js';
import {
	type Ended,
	type JobPaid,
	type Payee,
	type Payment,
	type Pot,
	chainTreasury,
	charterShares,
	checkRoyalties,
	ended,
	jobPaid,
	nameOf,
	pricePaid,
	total,
} from './money.js';
import { cidText, download, network, store, verify, worker } from './network.js';
import { auton, duration, note, percent, ppm, say, shares, table } from './report.js';

/** What the character is told about itself. */
const PERSONA = 'Luma, keeper of the lighthouse at Grey Point: warm, a little wry, precise about weather and ships';
const ASK = 'who are you?';
const PICTURE = 'a yellow star in the night sky';
const STYLED = 'a teal star on a burgundy background';
/** Pictures that the style is trained on. */
const LESSONS = 24;
/** Steps of the training. */
const STEPS = 200;
/** Samples of an evaluation, and the least gain that a charter can ask for in parts per million, where the runtime begins. */
const [SAMPLES, MIN_GAIN] = [16n, 1_000n];
/** Longest training and longest evaluation, in milliseconds. */
const PATIENCE = 900_000;
/** Blocks after which the trainer claims for the first time. */
const VESTING = 10;

/** The money of each of those who play a part. */
const FUNDS = 5_000n * AUTON;

/** A job's payments as they are shown. */
type Shown = JobPaid & { kind: string };

const right = (title: string) => ({ title, right: true });

class Story {
	private readonly started = Date.now();
	private readonly names = new Map<string, string>();
	private readonly communities = new Map<number, string>();
	private readonly results: [string, string][] = [];
	private readonly files: [string, string][] = [];
	/** What pots have got so far, by community and pot. */
	private readonly revenue = new Map<string, bigint>();
	/** What the story is at, for the message of a failure. */
	section = 'the beginning';

	constructor(
		readonly chain: Chain,
		readonly output: string,
		private readonly scratch: string,
	) {}

	// --- who is who ---

	/** A person with money. */
	async person(name: string): Promise<KeyringPair> {
		const account = await this.chain.fundedAccount(`demo-${name.toLowerCase()}`, FUNDS);
		this.names.set(account.address, name);
		return account;
	}

	/** Names an account that has no name yet. */
	name(address: string, name: string): void {
		if (!this.names.has(address)) this.names.set(address, name);
	}

	nameCommunity(community: number, name: string): void {
		this.communities.set(community, name);
	}

	/** Names those who are there already: operators, the demo models and whoever owns them, the market's treasury. */
	async introduce(): Promise<void> {
		const { shapes, keeper, operators } = network();
		operators.forEach(({ owner }, n) => this.name(owner, `operator ${n + 1}`));
		this.name(this.chain.alice.address, 'Alice, who owns the models');
		this.name(chainTreasury(), "the chain's treasury");
		for (const [model, name] of [[shapes, 'shapes'], [keeper, 'keeper']] as const) {
			const info = (await this.chain.api.query.models.models(model)) as unknown as { unwrap(): { community: Codec } };
			this.nameCommunity(Number(int(info.unwrap().community)), name);
		}
	}

	private who(payee: Payee): string {
		if (payee.kind === 'account') return this.names.get(payee.account) ?? payee.account;
		const name = this.communities.get(payee.community);
		if (!name) return nameOf(payee);
		if (payee.kind === 'treasury') return `${name}: treasury`;
		return `${name}: ${payee.pot === 'Shares' ? 'bonded shares' : 'bonded AUTON'}`;
	}

	// --- what is printed and kept ---

	begin(section: string): void {
		this.section = section;
		say(section);
	}

	result(what: string, value: string): void {
		this.results.push([what, value]);
	}

	/** Keeps a file where it stays after the demo. */
	save(name: string, bytes: Buffer | string, what: string): string {
		const file = join(this.output, name);
		writeFileSync(file, bytes);
		this.keep(what, file);
		return file;
	}

	/** Notes a file that stays after the demo. */
	keep(what: string, file: string): void {
		this.files.push([what, file]);
	}

	/** A folder for what is not kept. */
	folder(name: string): string {
		const folder = join(this.scratch, name);
		rmSync(folder, { recursive: true, force: true });
		mkdirSync(folder, { recursive: true });
		return folder;
	}

	/** How jobs were paid: a row for each payee, and their sum, which is what the requester paid. */
	showJobs(jobs: readonly Shown[]): void {
		const rows: (string[] | undefined)[] = [];
		for (const [index, { job, kind, requester, payments, burned, spent }] of jobs.entries()) {
			if (index > 0) rows.push(undefined);
			const parts: Payment[] = [...payments];
			parts.forEach(({ part, payee, amount }, n) => {
				const first = n === 0 ? [`${job}`, kind] : ['', ''];
				rows.push([...first, part, this.who(payee), auton(amount), percent(amount, spent)]);
			});
			rows.push(['', '', 'burned', '', auton(burned), percent(burned, spent)]);
			assert.equal(total(payments) + burned, spent, `the parts of job ${job}`);
			rows.push(['', '', 'paid', this.who({ kind: 'account', account: requester }), auton(spent), '100.00 %']);
			for (const { payee, amount } of payments) {
				if (payee.kind === 'pot') this.earn(payee.community, payee.pot, amount);
			}
		}
		table(
			[{ title: 'job' }, { title: 'kind' }, { title: 'part' }, { title: 'who' }, right('AUTON'), right('share')],
			rows,
		);
	}

	/** How a price was divided. */
	showPrice(what: string, { payments, price }: { payments: readonly Payment[]; price: bigint }, buyer: KeyringPair): void {
		const rows: (string[] | undefined)[] = payments.map(({ part, payee, amount }, n) => [
			n === 0 ? what : '',
			part,
			this.who(payee),
			auton(amount),
			percent(amount, price),
		]);
		rows.push(['', 'paid', this.who({ kind: 'account', account: buyer.address }), auton(price), '100.00 %']);
		table([{ title: 'sale' }, { title: 'part' }, { title: 'who' }, right('AUTON'), right('share')], rows);
		for (const { payee, amount } of payments) {
			if (payee.kind === 'pot') this.earn(payee.community, payee.pot, amount);
		}
	}

	private earn(community: number, pot: Pot, amount: bigint): void {
		const key = `${community} ${pot}`;
		this.revenue.set(key, this.earned(community, pot) + amount);
	}

	/** What a pot has got so far. */
	earned(community: number, pot: Pot): bigint {
		return this.revenue.get(`${community} ${pot}`) ?? 0n;
	}

	/** Everything at a glance. */
	summary(): void {
		say('In short');
		table([{ title: 'what' }, { title: 'how it went' }], [...this.results, ['time', duration(Date.now() - this.started)]]);
		note();
		table([{ title: 'file' }, { title: 'where' }], this.files);
	}
}

/** The story so far, and who is in it. */
interface Cast {
	story: Story;
	chain: Chain;
	/** Owner of the character. */
	mira: KeyringPair;
	fans: [string, KeyringPair, bigint][];
	investors: [string, KeyringPair, bigint][];
	/** Who orders. */
	rosa: KeyringPair;
	cleo: KeyringPair;
	gwen: KeyringPair;
	luma: Character;
}

/** A template, and a character within it. */
async function create(story: Story): Promise<Pick<Cast, 'mira' | 'luma'>> {
	const { chain } = story;
	story.begin('A template and a character');
	const mira = await story.person('Mira');
	// The first share costs 1 AUTON, each one 0.01 more than the one before it.
	const terms = { supply: 100n * SHARE, start: AUTON / SHARE, slope: AUTON / SHARE / 100n, cap: 60n * SHARE };
	const round = { ...terms, duration: 10_000, promise: 200_000 };
	const luma = await createCharacter(chain, mira, 'Luma', PERSONA, { round });
	story.nameCommunity(luma.community, 'Luma');
	const sharers = await charterShares(chain, luma.id, await chain.finalised());
	const platform = sharers[3]?.[0];
	if (platform?.kind === 'account') story.name(platform.account, 'the platform');
	note(`Luma is character ${luma.id}, community ${luma.community}; her persona is ${cidText(luma.persona)}`);
	note(`Mira owns her: ${auton(luma.burned)} AUTON burned, ${auton(luma.deposit)} on hold`);
	const { split } = charter();
	table(
		[{ title: 'of what she earns' }, right('share')],
		[
			['her owner', ppm(split.owner)],
			['who bonds her shares (20 % are promised for ever)', ppm(split.investors)],
			['her treasury', ppm(split.treasury)],
			['who bonds AUTON behind her', ppm(split.fans)],
			['the platform', ppm(split.platform)],
		],
	);
	story.result('character', `Luma, number ${luma.id}, in community ${luma.community}`);
	return { mira, luma };
}

/** Fans bond AUTON and join; investors buy the whole round and bond the shares. */
async function gather(story: Story, luma: Character): Promise<Pick<Cast, 'fans' | 'investors'>> {
	const { chain } = story;
	const { tx, call } = chain.api;
	story.begin('Fans and investors');
	const fans: Cast['fans'] = [
		['Fay', await story.person('Fay'), 150n * AUTON],
		['Finn', await story.person('Finn'), 30n * AUTON],
	];
	const rows: string[][] = [];
	for (const [name, fan, amount] of fans) {
		await chain.send(tx.bonds.bond(luma.community, 'Auton', amount, 'Days28'), fan);
		const joined = await chain.send(tx.characters.join(luma.id), fan);
		const badge = event(joined, 'characters', 'FanTierSet').data.badge as unknown as { tier: Codec };
		const tier = charter().tiers[Number(int(badge.tier))];
		assert.ok(tier, 'a badge is of one of the tiers');
		rows.push([name, `bonded ${auton(amount)} AUTON`, `${Buffer.from(tier.name.slice(2), 'hex').toString()} of the fan club`]);
	}
	assert.ok(luma.shares !== undefined, 'a character with a round has shares');
	const treasury = (await call.bondsApi.treasuryOf(luma.community)).toString();
	const before = (await chain.balance(treasury, await chain.finalised())).free;
	const investors: Cast['investors'] = [
		['Ivo', await story.person('Ivo'), 60n * SHARE],
		['Ines', await story.person('Ines'), 40n * SHARE],
	];
	let raised = 0n;
	for (const [name, investor, count] of investors) {
		const quoted = (await call.charactersApi.roundQuote(luma.id, count)) as unknown as { unwrap(): { cost: Codec } };
		const cost = int(quoted.unwrap().cost);
		const invested = await chain.send(tx.characters.invest(luma.id, count, cost), investor);
		assert.equal(int(event(invested, 'characters', 'Invested').data.cost), cost, 'shares cost what was quoted');
		await chain.send(tx.bonds.bond(luma.community, 'Shares', count, 'Days28'), investor);
		raised += cost;
		rows.push([name, `bought ${shares(count)} shares for ${auton(cost)} AUTON`, 'all of them bonded']);
	}
	table([{ title: 'who' }, { title: 'what' }, { title: '' }], rows);
	const closed = await chain.send(tx.characters.closeRound(luma.id), investors[0][1]);
	assert.equal(int(event(closed, 'characters', 'RoundClosed').data.raised), raised);
	const after = (await chain.balance(treasury, closed.hash)).free;
	assert.equal(after - before, raised, 'what investors paid is in the treasury');
	note(`The round is sold out: ${auton(raised)} AUTON are in Luma's treasury`);
	story.result('investment round', `100 shares, ${auton(raised)} AUTON raised`);
	return { fans, investors };
}

/** A talk and a picture, and who is paid for them. Gives the picture's job. */
async function earn({ story, chain, rosa, luma }: Cast): Promise<bigint> {
	story.begin('A talk and a picture, and who is paid for them');
	const talked = await talk(chain, rosa, luma.id, ASK);
	const reply = (await download(hex(talked.final.data.artifact))).toString('utf8');
	story.save('reply.txt', reply, 'reply');
	note(`Rosa: ${ASK}`);
	note(`Luma: ${reply.replaceAll('\n', ' ')}`);
	note();
	const drawn = await order(chain, rosa, luma.id, image({ prompt: PICTURE, steps: 20, guidanceCenti: 150 }));
	story.save('picture.png', await download(hex(drawn.final.data.artifact)), `picture: ${PICTURE}`);
	const paid = [
		{ ...(await jobPaid(chain, talked)), kind: 'talk' },
		{ ...(await jobPaid(chain, drawn)), kind: 'picture' },
	];
	story.showJobs(paid);
	const memory = await memoryAt(chain, luma.id);
	note(`Luma remembers ${memory.sequence} jobs: ${memory.head}`);
	const spent = paid.reduce((sum, job) => sum + job.spent, 0n);
	const count = paid.reduce((sum, job) => sum + job.payments.length, 0);
	story.result('talk and picture', `${auton(spent)} AUTON in ${count} payments, and what was burned`);
	return int(drawn.final.data.job);
}

/** Fans and investors claim what their bonds have earned. */
async function claim({ story, chain, fans, investors, luma }: Cast): Promise<void> {
	const { tx, call } = chain.api;
	story.begin('Fans and investors claim what their bonds have earned');
	const rows: (string[] | undefined)[] = [];
	let all = 0n;
	for (const [pot, holders] of [['Auton', fans], ['Shares', investors]] as const) {
		const earned = story.earned(luma.community, pot);
		assert.ok(earned > 0n, `the pot of ${pot} has earned something`);
		let claimed = 0n;
		for (const [name, holder] of holders) {
			const due = int(await call.bondsApi.claimable(holder.address, luma.community, pot));
			const paid = await chain.send(tx.bonds.claim(luma.community, pot), holder);
			const amount = int(event(paid, 'bonds', 'Claimed').data.amount);
			assert.equal(amount, due, `${name} gets what the chain had said`);
			const [before, after] = [await chain.balance(holder.address, paid.parent), await chain.balance(holder.address, paid.hash)];
			assert.equal(after.free - before.free, amount - paid.transactionFee, `what ${name} has got`);
			claimed += amount;
			rows.push([name, pot === 'Auton' ? 'AUTON bonded behind Luma' : "Luma's shares bonded", auton(amount), percent(amount, earned)]);
		}
		const rest = earned - claimed;
		assert.ok(rest >= 0n && rest <= BigInt(holders.length), `rounding leaves less than a planck for each holder, it left ${rest}`);
		rows.push(['', 'left by rounding', auton(rest), ''], ['', 'earned by the pot', auton(earned), '100.00 %']);
		if (pot === 'Auton') rows.push(undefined);
		all += claimed;
	}
	table([{ title: 'who' }, { title: 'for' }, right('AUTON'), right('share')], rows);
	story.result('claims', `${auton(all)} AUTON by ${fans.length} fans and ${investors.length} investors`);
}

/** The picture as an NFT, sold, sold on, and proved from the NFT alone. */
async function trade({ story, chain, rosa, cleo, gwen }: Cast, job: bigint): Promise<void> {
	const { tx } = chain.api;
	story.begin('The picture is minted, sold and sold on');
	const minted = await chain.send(tx.creations.mint(job, null, 'A star over Grey Point', 50_000), rosa);
	const { collection, item } = event(minted, 'creations', 'Minted').data;
	const work = `${int(collection)}/${int(item)}`;
	note(`Rosa has minted it as ${work}, and asks 5 % of each sale`);
	const sell = async (what: string, seller: KeyringPair, buyer: KeyringPair, price: bigint): Promise<Included> => {
		const listed = await chain.send(tx.market.list(collection, item, price, null), seller);
		const sold = await chain.send(tx.market.buy(int(event(listed, 'market', 'Listed').data.listing), price), buyer);
		const paid = pricePaid(event(sold, 'market', 'Sold'), seller.address);
		await checkRoyalties(chain, sold, paid, [seller.address, buyer.address]);
		story.showPrice(what, paid, buyer);
		return sold;
	};
	await sell('first', rosa, cleo, 20n * AUTON);
	note();
	const before = (await chain.balance(rosa.address, await chain.finalised())).free;
	const resold = await sell('second', cleo, gwen, 50n * AUTON);
	const after = (await chain.balance(rosa.address, resold.hash)).free;
	assert.equal(after - before, (50n * AUTON) / 20n, 'who made a work is paid when others sell it on');
	note();
	note(`From the NFT alone: ${lastLine(await verify(work))}`);
	story.result('creation', `${work}, sold for ${auton(20n * AUTON)} and ${auton(50n * AUTON)} AUTON, proved from its NFT`);
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';

/** Animation, sprite sheet and tile, ordered at once by three people. */
async function make({ story, chain, rosa, cleo, gwen, luma }: Cast): Promise<void> {
	story.begin('An animation, a sprite sheet and a tile');
	const style = { steps: 12, guidanceCenti: 150 };
	const wanted = [
		['animation', 'animation.gif', rosa, animation({ ...style, prompt: 'a red heart on a white background', promptTo: 'a yellow star on a blue background', frames: 8 })],
		['sprites', 'sprites.png', cleo, spriteSheet({ ...style, backgroundTolerance: 48 })],
		['tile', 'tile.png', gwen, tile({ ...style, prompt: 'grass' })],
	] as const;
	const done = await Promise.all(wanted.map(([, , who, input]) => order(chain, who, luma.id, input)));
	const paid: Shown[] = [];
	for (const [n, [kind, file]] of wanted.entries()) {
		const { final } = done[n];
		story.save(file, await download(hex(final.data.artifact)), kind);
		paid.push({ ...(await jobPaid(chain, done[n])), kind });
		note(lastLine(await verify(int(final.data.job))));
	}
	note();
	story.showJobs(paid);
	story.result('animation, sprite sheet, tile', `jobs ${paid.map(({ job }) => job).join(', ')}, each verified on this machine`);
}

/** Most blocks that are waited for until something has vested. */
const LONGEST_VESTING = 120n;

/** What stays of a contribution that was accepted. */
interface Accepted {
	version: number;
	weightsRoot: string;
	gain: bigint;
	granted: bigint;
	/** Block at which vesting began. */
	block: number;
}

/** Pictures that the style is trained on, in a folder with a caption beside each. */
function lessons(story: Story): string {
	const folder = story.folder('lessons');
	for (const [n, { caption, png }] of drawings(0, LESSONS).entries()) {
		const name = String(n).padStart(2, '0');
		writeFileSync(join(folder, `${name}.png`), png);
		writeFileSync(join(folder, `${name}.txt`), `${caption}\n`);
	}
	return folder;
}

/** A style is trained, proposed, measured by the operators, and accepted because it is better. */
async function train(story: Story): Promise<{ tom: KeyringPair; folder: string; accepted: Accepted }> {
	const { chain } = story;
	const { tx, query } = chain.api;
	const { shapes, url, models, operators } = network();
	story.begin('A style for the picture model');
	const tom = await story.person('Tom');

	// What is measured on is the community's, and nobody trains on it.
	const samples = Number(await numberOf(chain, 'EvaluationSamples', SAMPLES));
	const set = story.save('evaluation-set.json', evaluationSet(drawings(LESSONS, samples)), 'held-out set');
	const { weights } = (await query.models.charters(shapes)) as unknown as { weights: Codec };
	const least = await numberOf(chain, 'MinGain', MIN_GAIN);
	const terms = { acceptAtGain: least, weights: weights.toJSON(), evaluationSet: await store(set) };
	await chain.send(tx.models.setCharter(shapes, terms), chain.alice);
	note(`Alice, who holds the model's NFT, has decided: what is better by ${ppm(least)} is accepted`);
	note(`It is measured on ${samples} pictures, ${cidText(terms.evaluationSet)}`);

	note('Tom trains an adapter, which takes minutes');
	const candidate = join(story.folder('style'), 'shapes');
	const began = Date.now();
	const trained = await worker(
		['train', 'lora', '--base', join(models, 'shapes'), '--data', lessons(story), '--out', candidate, '--steps', String(STEPS)],
		{ patience: PATIENCE },
	);
	note(`Tom has trained ${STEPS} steps on ${LESSONS} pictures in ${duration(Date.now() - began)}:`);
	for (const line of trained.trim().split('\n').slice(0, 8)) note(`  ${line.trim()}`);
	const sheet = join(story.output, 'style.png');
	copyFileSync(join(candidate, 'samples.png'), sheet);
	story.keep('the model before and after', sheet);

	for (const { config } of operators) await worker(['models', 'publish', candidate, '--config', config]);
	const environment = { DEMO_TRAINER: keyOf('demo-tom'), AUTONOMY_DATA_DIR: story.folder('trainer') };
	const proposed = await worker(
		[
			...['models', 'propose', String(shapes), candidate, '--contribution', 'training'],
			...['--suri-env', 'DEMO_TRAINER', '--url', url, '--json'],
		],
		{ patience: PATIENCE, environment },
	);
	const { proposal } = JSON.parse(lastLine(proposed)) as { proposal: number };
	note(`Proposal ${proposal} is on chain; the operators measure it, which takes minutes too`);

	const ordered = await chain.send(tx.models.evaluate(proposal), tom);
	const done = await ended(chain, tom.address, ordered, PATIENCE);
	story.showJobs([{ ...(await jobPaid(chain, done)), kind: 'evaluation' }]);
	return { tom, folder: candidate, accepted: await accept(story, tom, BigInt(proposal), done) };
}

/** What the evaluation found is told to the chain, which accepts the version. */
async function accept(story: Story, tom: KeyringPair, proposal: bigint, { final }: Ended): Promise<Accepted> {
	const { chain } = story;
	const { tx } = chain.api;
	const losses = (await download(hex(final.data.artifact))).toString('utf8');
	const found = JSON.parse(losses) as { base_loss: number; candidate_loss: number };
	const report = tx.inference.reportEvaluation(int(final.data.job), found.base_loss, found.candidate_loss);
	// Anybody may, and an operator may have been faster.
	await chain.send(report, tom).catch((error: unknown) => {
		if (!(error instanceof DispatchFailure && error.failure === 'inference.AlreadyReported')) throw error;
	});
	const isOf = (method: string) => (e: ChainEvent) =>
		e.section === 'models' && e.method === method && int(e.data.proposal) === proposal;
	const measured = await chain.waitForEvent(final.block, 'result of the evaluation', isOf('Evaluated'));
	const [before, after, gain] = [measured.data.baseLoss, measured.data.candidateLoss, measured.data.gain].map(int);
	note(`Held-out loss ${before} before, ${after} after, in billionths: ${ppm(gain)} better`);
	assert.ok(gain > 0n, 'the style is no better than the model on the held-out pictures');
	const least = await numberOf(chain, 'MinGain', MIN_GAIN);
	if (gain < least) await chain.send(tx.models.acceptVersion(proposal), chain.alice);
	const done = await chain.waitForEvent(measured.block, 'acceptance of the version', isOf('VersionAccepted'));
	const { version, granted, automatic } = done.data;
	const candidate = done.data.candidate as unknown as { weightsRoot: Codec };
	assert.equal(automatic.toString(), String(gain >= least), 'the charter accepts by itself what is good enough');
	note(`${gain >= least ? 'The charter' : 'Alice'} has accepted it as version ${int(version)}`);
	const measurers = (final.data.operators as unknown as Codec[]).length;
	story.result('style', `version ${int(version)} of shapes, ${ppm(gain)} better, measured by ${measurers} operators`);
	return { version: Number(int(version)), weightsRoot: hex(candidate.weightsRoot), gain, granted: int(granted), block: done.block };
}

/** The trainer's shares vest from block to block, and are claimed. */
async function vest(story: Story, tom: KeyringPair, { version, gain, granted, block }: Accepted): Promise<void> {
	const { chain } = story;
	const { tx, query, call, consts } = chain.api;
	const { shapes } = network();
	story.begin('Shares for the trainer');
	const [cap, period] = [consts.models.shareCap, consts.models.vestingPeriod].map((value) => int(value as unknown as Codec));
	note(`For a gain of ${gain} parts per million: ${shares(granted)} of ${shares(cap)} shares, ${percent(granted, cap)}`);
	assert.ok(granted > 0n, 'a measured gain is worth shares');
	const blocks = [BigInt(VESTING), period / granted + 1n].reduce((a, b) => (a > b ? a : b));
	assert.ok(blocks <= LONGEST_VESTING, `the first unit of a share vests in ${blocks} blocks only`);
	await chain.waitForEvent(block + Number(blocks), 'block', () => true);

	const claimed = await chain.send(tx.models.claimVested(shapes, version), tom);
	const amount = int(event(claimed, 'models', 'SharesClaimed').data.amount);
	const elapsed = BigInt(claimed.block - block);
	assert.equal(amount, (granted * elapsed) / period, 'shares vest block by block');
	const asset = int(event(claimed, 'models', 'SharesOpened').data.asset);
	const holding = (await query.assets.account(asset, tom.address)) as unknown as { unwrap(): { balance: Codec } };
	assert.equal(int(holding.unwrap().balance), amount, 'the shares are in his account');
	const view = (await call.modelsApi.contribution(shapes, version)) as unknown as { unwrap(): { info: { claimed: Codec } } };
	assert.equal(int(view.unwrap().info.claimed), amount, 'the registry counts what was claimed');
	table(
		[{ title: 'shares of shapes' }, right('number'), right('share')],
		[
			['granted to Tom', shares(granted), '100.00 %'],
			[`vested after ${elapsed} of ${period} blocks, and claimed`, shares(amount), percent(amount, granted)],
			[`still to vest, until block ${BigInt(block) + period}`, shares(granted - amount), percent(granted - amount, granted)],
		],
	);
	story.result('trainer', `${shares(granted)} shares granted, ${shares(amount)} vested in ${elapsed} blocks and claimed`);
}

/** Once every operator has proved that it runs the new version, Luma draws in the new style. */
async function draw({ story, chain, rosa, luma }: Cast, folder: string, { weightsRoot, block }: Accepted): Promise<void> {
	story.begin('A picture in the new style');
	for (const { owner } of network().operators) {
		await chain.waitForEvent(
			block,
			`proof of the new version by ${owner}`,
			({ section, method, data }) =>
				section === 'inference' &&
				method === 'EngineProved' &&
				data.operator.toString() === owner &&
				hex(data.weightsRoot) === weightsRoot,
		);
	}
	note('Every operator has reproduced the golden result of the new version');
	const drawn = await order(chain, rosa, luma.id, image({ prompt: STYLED, steps: 20, guidanceCenti: 150 }));
	story.save('styled.png', await download(hex(drawn.final.data.artifact)), `picture: ${STYLED}`);
	story.showJobs([{ ...(await jobPaid(chain, drawn)), kind: 'picture' }]);
	const job = int(drawn.final.data.job);
	note(lastLine(await verify(job, [folder])));
	story.result('picture in the new style', `job ${job}, verified on this machine`);
}

/** What went wrong, with what was found and what should have been. */
function inOneLine(error: unknown): string {
	const line = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
	if (!(error instanceof assert.AssertionError) || error.generatedMessage || error.operator !== 'strictEqual') return line;
	return `${line}: it is ${String(error.actual)}, not ${String(error.expected)}`;
}

async function main(): Promise<void> {
	const { values } = parseArgs({ options: { output: { type: 'string' }, scratch: { type: 'string' } } });
	if (!values.output || !values.scratch) throw new Error('give --output FOLDER, where files stay, and --scratch FOLDER');
	mkdirSync(values.output, { recursive: true });
	const chain = await Chain.connect();
	const story = new Story(chain, values.output, values.scratch);
	try {
		await story.introduce();
		const { mira, luma } = await create(story);
		const { fans, investors } = await gather(story, luma);
		const [rosa, cleo, gwen] = [await story.person('Rosa'), await story.person('Cleo'), await story.person('Gwen')];
		const cast: Cast = { story, chain, mira, fans, investors, rosa, cleo, gwen, luma };
		const job = await earn(cast);
		await claim(cast);
		await trade(cast, job);
		await make(cast);
		const { tom, folder, accepted } = await train(story);
		await vest(story, tom, accepted);
		await draw(cast, folder, accepted);
		story.summary();
	} catch (error) {
		throw new Error(`${story.section}: ${inOneLine(error)}; the logs of chain and operators are in ${values.scratch}`);
	} finally {
		await chain.disconnect();
	}
}

await main().catch((error: Error) => {
	console.error(`error: ${error.message}`);
	process.exitCode = 1;
});
