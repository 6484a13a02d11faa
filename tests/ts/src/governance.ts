// Governance from the first phase to the fourth on a running network: people decide, three characters of different minds vote
// by jobs that operators run, and the holders of AUTON take each step by a referendum. `scripts/demo --governance` calls it.
// Every count that it prints it has made a second time, from what the chain stores, and compared to the last digit.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Chain } from './chain.js';
import type { Page } from './dso/raw.js';
import { BILLION, type Count, WHOLE } from './dso/recount.js';
import { type Counted, type Heard, type Referendum, Story, type Weighed } from './dso/story.js';
import { auton, duration, note, ppm, say, table } from './report.js';

const right = (title: string) => ({ title, right: true });

/** A share in billionths, all digits, in percent. */
function share(billionths: bigint | undefined): string {
	if (billionths === undefined) return 'nobody voted';
	const digits = billionths.toString().padStart(8, '0');
	return `${digits.slice(0, -7)}.${digits.slice(-7)} %`;
}

/** Parts of 10^14, all digits, with a sign for what leans towards nay. */
function parts(value: bigint): string {
	const digits = (value < 0n ? -value : value).toString().padStart(15, '0');
	return `${value < 0n ? '−' : ''}${digits.slice(0, -14)}.${digits.slice(-14)}`;
}

class Teller {
	private readonly started = Date.now();
	private readonly results: [string, string][] = [];
	/** What it is at, for the message of a failure. */
	section = 'the beginning';

	constructor(
		private readonly story: Story,
		private readonly output: string,
	) {}

	begin(section: string): void {
		this.section = section;
		say(section);
	}

	result(what: string, value: string): void {
		this.results.push([what, value]);
	}

	private soulName(child: number): string {
		return this.story.souls.find(({ community }) => community === child)?.name ?? `community ${child}`;
	}

	// --- tables ---

	bonds(bonds: Awaited<ReturnType<Story['found']>>['bonds']): void {
		table(
			[{ title: 'holder' }, right('AUTON bonded'), { title: 'released after' }, right('power at once'), right('a day later')],
			bonds.map(({ who, amount, tier, before, after }) => [who, auton(amount), tier, `${before}`, `${after}`]),
		);
	}

	seats(weighed: readonly Weighed[]): void {
		const [{ rule }] = weighed;
		note('w = ⌊100 · min(3, burned / U, backed / S)⌋, and 0 unless both are 1 at least');
		note(`U = ${auton(rule.burn)} AUTON burned in 30 days, S = ${auton(rule.backing)} AUTON bonded behind the seat`);
		table(
			[{ title: 'seat' }, right('burned by its use'), right('bonded behind it'), right('w')],
			weighed.map(({ soul, burned, backed, weight }) => [soul.name, auton(burned), auton(backed), `${weight}`]),
		);
	}

	/** A count as its formula, and that both agree. */
	count(counted: Counted): void {
		const { data, count, page, proposal } = counted;
		const { question } = data;
		table(
			[{ title: 'class' }, right('weight'), right('power'), right('floor'), right('ayes'), right('nays'), right('neither')],
			data.classes.map((row) => [
				row.class,
				`${row.weight}`,
				`${row.total}`,
				`${row.floor}`,
				`${row.ayes}`,
				`${row.nays}`,
				`${row.abstentions}`,
			]),
		);
		note();
		if (count.ais.length > 0) this.ais(counted);
		table(
			[{ title: '' }, { title: 'formula' }, right('value')],
			[
				['A', "Σ ω'·ayes / max(T, D)", parts(count.tally.ayes)],
				['N', "Σ ω'·nays / max(T, D)", parts(count.tally.nays)],
				['B', "Σ ω'·abstentions / max(T, D)", parts(count.tally.abstentions)],
				['r_H', 'A / (A + N)', share(count.human)],
				['x_H', 'A + N', share(count.turnout)],
				...this.houseRows(count),
				["κ'", `κ·y / (1 − κ + κ·y), κ = ${share(question.aiShare)}`, share(count.aiShare)],
				['approval', "(1 − κ')·r_H + κ'·r_I", share(count.approval)],
				['θ', 'least approval', share(question.approval)],
				['s', 'least A', share(question.support)],
			],
		);
		const verdict = count.failure === undefined ? 'it passes' : `it fails: ${count.failure}`;
		note(`Proposal ${proposal.id}: ${verdict}. The recount from ballots, totals and seats: ${agreement(count, page)}`);
	}

	private ais({ data, count }: Counted): void {
		table(
			[
				{ title: 'AI of' },
				right('m_c, its members'),
				right('d_c, itself'),
				right('α'),
				right('s_c, together'),
				right('w_c'),
				right('counted'),
				{ title: 'side' },
			],
			count.ais.map((ai, n) => [
				this.soulName(ai.child),
				parts(ai.members),
				parts(ai.decision),
				share(data.ais[n].ownShare),
				parts(ai.preference),
				`${ai.weight}`,
				`${ai.applied}`,
				ai.side.toLowerCase(),
			]),
		);
		note(`(one controller counts with ${share(data.controllerCap)} of the house's ${data.houseTotal} at most)`);
		note();
	}

	private houseRows(count: Count): string[][] {
		if (count.ais.length === 0) return [];
		return [
			['x_I', '(ayes + nays of AIs) / T_I', share(count.houseTurnout)],
			['r_I', 'ayes / (ayes + nays) of AIs', share(count.aiHouse)],
			['y', 'min(1, x_I / x_H)', share(count.relativeTurnout)],
		];
	}

	/** What each character has said, and why. */
	answers({ answers, proposal }: Heard): void {
		for (const { child, job, decision, artifact, runs, verified } of answers) {
			const name = this.soulName(child);
			const { text } = this.story.souls.find(({ community }) => community === child) ?? { text: '' };
			note(`${name} (${text.trim()})`);
			for (const { prose, stance, reason } of runs) {
				note(`  ${prose === null ? 'asked without' : 'asked with'} the proposer's words: ${stance}: ${reason}`);
			}
			note(`  decision ${decision === null ? 'none: the words have turned it round' : `${decision} %`}, job ${job}, ${artifact}`);
			note(`  ${verified}`);
			const file = join(this.output, `ballot-${proposal.id}-${name.toLowerCase()}.json`);
			writeFileSync(file, `${JSON.stringify({ decision, runs }, undefined, 2)}\n`);
		}
		note();
	}

	charter(before: Map<string, number>, after: Map<string, number>, fields: readonly string[]): void {
		table(
			[{ title: 'field' }, right('before'), right('after')],
			fields.map((field) => [field, `${before.get(field)}`, `${after.get(field)}`]),
		);
	}

	referendum({ index, votes, phase, readiness }: Referendum, treasury?: { name: string; balance: bigint }): void {
		const rows = votes.map(({ who, aye, balance }) => [who, aye ? 'aye' : 'nay', auton(balance)]);
		if (treasury) rows.push([`${treasury.name}'s treasury`, 'aye', auton(treasury.balance)]);
		table([{ title: `referendum ${index}` }, { title: 'vote' }, right('AUTON')], rows);
		table([{ title: 'what the phase needs' }, right('value')], readiness);
		note(`Phase ${phase.toLowerCase()} has begun`);
		this.result(`phase ${phase.toLowerCase()}`, `by referendum ${index}`);
	}

	refusals(): void {
		table(
			[{ title: 'tried' }, { title: 'refused with' }],
			this.story.refusals.map(({ tried, failure }) => [tried, failure]),
		);
	}

	summary(): void {
		say('In short');
		table(
			[{ title: 'what' }, { title: 'how it went' }],
			[...this.results, ['time', duration(Date.now() - this.started)], ['files', this.output]],
		);
	}
}

/** What the comparison has found: {@link Story.count} has thrown where there is a difference. */
function agreement(count: Count, page: Page): string {
	const digits = count.approval === undefined ? 'no approval' : `approval ${count.approval} of ${BILLION}`;
	return `the same as the chain's, to the last digit (${digits}, A ${count.tally.ayes} of ${WHOLE}; the chain says ${page.approval ?? 'none'})`;
}

/** What went wrong, in one line. */
const inOneLine = (error: unknown) => (error instanceof Error ? error.message.split('\n', 1)[0] : String(error));

async function tell(story: Story, teller: Teller, scratch: string): Promise<void> {
	const { clock } = story;

	teller.begin('Three characters, their people, and the holders of AUTON');
	note(`A governance day is ${clock.day} blocks here. Days pass by making blocks; jobs run at a block a second`);
	const { bonds } = await story.found();
	for (const { name, community, owner, fans, text } of story.souls) {
		note(`${name}, community ${community}, of ${owner.name}; fans ${fans.map((fan) => fan.name).join(' and ')}: ${text.trim()}`);
	}
	teller.bonds(bonds);
	for (const [{ name }, burned] of await story.use()) note(`${name}'s talks have burned ${auton(burned)} AUTON`);
	const opened = await story.openSeats();
	note(`Their seats in X have burned ${opened.map(auton).join(', ')} AUTON, the more the more are opened`);

	teller.begin('Phase one: people decide');
	const begun = await story.constitute();
	teller.count(begun.counted);
	note(`${begun.first.name}'s community has changed its charter; who decides changes a week later:`);
	teller.charter(begun.before, begun.after, ['VotingDays', 'LockDays', 'AiOwnShare']);
	note(`Nobody was for the spam: its deposit of ${auton(begun.spam.deposit)} AUTON is burned`);
	teller.result('charter', `${begun.first.name}'s community votes for 3 days and waits 1`);

	teller.begin('The AIs vote for the first time, and count nothing yet');
	const shadow = await story.shadow();
	teller.answers(shadow);
	teller.count(shadow);
	const charter = await story.franchise();
	note(`The AI's own share α of ${begun.first.name} is ${charter.get('AiOwnShare')} basis points from today on`);

	teller.begin('The holders begin phase two');
	const carried = await story.carry(begun.phaseTwo);
	teller.count(carried.counted);
	const points = await story.badge(begun.work);
	note(`X has given Karl a badge of ${points} points: contributors vote in X beside the holders`);
	teller.seats(await story.weighSeats());
	let balance = 0n;
	const second = await story.referendum(carried, 'Two', async (index) => {
		balance = await story.treasuryVotes(index);
	});
	teller.referendum(second, { name: begun.first.name, balance });

	teller.begin('Phase two: AIs count on a rule of interaction');
	const heard = await story.interaction();
	teller.answers(heard);
	teller.count(heard);
	teller.result('interaction', `decided with AIs at ${share(heard.count.aiShare)}, approval ${share(heard.count.approval)}`);

	teller.begin('A model gets a provenance, and the holders begin phase three');
	await story.claimModel();
	const third = await story.propose('Two', 'Three');
	const { data, versions } = await story.provenance(scratch);
	note(`The community of shapes has accepted versions ${versions.join(' and ')}: for the data ${data},`);
	note('and for a training run that anybody can run again');
	teller.referendum(await story.referendum(await story.carry(third), 'Three'));

	teller.begin('Phase three: X decides on the economy');
	const fourth = await story.propose('Three', 'Four');
	const economy = await story.economy();
	teller.count(economy);
	note(`The market's fee was ${ppm(economy.before)} and is ${ppm(economy.after)}`);
	teller.result('economy', `the market's fee is ${ppm(economy.after)}`);
	teller.referendum(await story.referendum(await story.carry(fourth), 'Four'));

	teller.begin('Phase four: a model is opened, for ever');
	await story.open();
	note('The community of shapes has opened it: whoever wants to may use it, and nobody can close it again');
	teller.result('model', 'shapes is open to everybody');

	teller.begin('What was refused');
	teller.refusals();
}

async function main(): Promise<void> {
	const { values } = parseArgs({ options: { output: { type: 'string' }, scratch: { type: 'string' } } });
	if (!values.output || !values.scratch) throw new Error('give --output FOLDER, where files stay, and --scratch FOLDER');
	mkdirSync(values.output, { recursive: true });
	const chain = await Chain.connect();
	const story = await Story.begin(chain);
	const teller = new Teller(story, values.output);
	try {
		await tell(story, teller, values.scratch);
		teller.summary();
	} catch (error) {
		throw new Error(`${teller.section}: ${inOneLine(error)}; the logs of chain and operators are in ${values.scratch}`);
	} finally {
		await chain.disconnect();
	}
}

await main().catch((error: Error) => {
	console.error(`error: ${error.message}`);
	process.exitCode = 1;
});
