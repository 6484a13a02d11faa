// What a program prints for people: sections, tables whose columns stand under each other, amounts to the planck.

/** A number with this many decimals, all of them. */
function decimal(units: bigint, decimals: number): string {
	const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
	return `${units < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** An amount of AUTON, to the planck. */
export const auton = (planck: bigint) => decimal(planck, 12);

/** An amount of shares, to their smallest unit. */
export const shares = (units: bigint) => decimal(units, 6);

/** A part of a whole, in percent with two decimals. */
export function percent(part: bigint, whole: bigint): string {
	if (whole === 0n) return '';
	const hundredths = (part * 10_000n + whole / 2n) / whole;
	return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')} %`;
}

/** Parts per million in percent. */
export const ppm = (parts: number | bigint) => `${Number(parts) / 10_000} %`;

/** A time in milliseconds as people say it. */
export function duration(milliseconds: number): string {
	const seconds = Math.round(milliseconds / 1_000);
	return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

const bold = process.stdout.isTTY && !process.env.NO_COLOR ? ['\x1b[1m', '\x1b[0m'] : ['', ''];

/** Begins a section, as the scripts do. */
export function say(text: string): void {
	console.log(`${bold[0]}==>${bold[1]} ${text}`);
}

/** A line of a section. */
export function note(text = ''): void {
	console.log(`    ${text}`.trimEnd());
}

/** A column: its title, and whether it has numbers, which stand at its right. */
export interface Column {
	title: string;
	right?: boolean;
}

/** A table. A row of `undefined` is a line. */
export function table(columns: readonly Column[], rows: readonly (readonly string[] | undefined)[]): void {
	const cells = rows.filter((row) => row !== undefined);
	const widths = columns.map(({ title }, n) => Math.max(title.length, ...cells.map((row) => (row[n] ?? '').length)));
	const line = (row: readonly string[]) =>
		columns
			.map(({ right }, n) => (right ? (row[n] ?? '').padStart(widths[n]) : (row[n] ?? '').padEnd(widths[n])))
			.join('  ');
	note(line(columns.map(({ title }) => title)));
	const rule = widths.map((width) => '-'.repeat(width)).join('  ');
	note(rule);
	for (const row of rows) note(row ? line(row) : rule);
}
