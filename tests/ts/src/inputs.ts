// Inputs of jobs in the shapes that polkadot.js Apps builds from its forms.

export interface ImageFields {
	prompt: string;
	negativePrompt: string;
	width: number;
	height: number;
	steps: number;
	guidanceCenti: number;
}

export interface TextFields {
	prompt: string;
	maxTokens: number;
	temperatureCenti: number;
	topPPermille: number;
	topK: number;
}

/** A text as the chain takes it. */
export const bytes = (text: string) => `0x${Buffer.from(text, 'utf8').toString('hex')}`;

/** A picture that the demo model makes in about a second. */
export function image(fields: Partial<ImageFields> = {}) {
	const all = {
		prompt: 'a red circle on a blue background',
		negativePrompt: '',
		width: 64,
		height: 64,
		steps: 8,
		guidanceCenti: 250,
		...fields,
	};
	return { Image: { ...all, prompt: bytes(all.prompt), negativePrompt: bytes(all.negativePrompt) } };
}

/** What every picture is made with. */
const picture = (fields: Partial<ImageFields>) => image(fields).Image;

export interface AnimationFields extends ImageFields {
	promptTo: string;
	frames: number;
	framesPerSecond: number;
	motionCenti: number;
}

/** A short loop. */
export function animation({
	promptTo = '',
	frames = 6,
	framesPerSecond = 8,
	motionCenti = 100,
	...fields
}: Partial<AnimationFields> = {}) {
	return { Animation: { image: picture(fields), promptTo: bytes(promptTo), frames, framesPerSecond, motionCenti } };
}

export interface SpriteSheetFields extends ImageFields {
	cells: readonly string[];
	columns: number;
	backgroundTolerance: number;
}

/** Four cells of one style, in two rows, without their background. */
export function spriteSheet({
	cells = ['a red star', 'a green heart', 'a blue ring', 'a yellow circle'],
	columns = 2,
	backgroundTolerance = 40,
	...fields
}: Partial<SpriteSheetFields> = {}) {
	const style = picture({ prompt: 'on a white background', ...fields });
	return { SpriteSheet: { image: style, cells: cells.map(bytes), columns, backgroundTolerance } };
}

/** A picture whose opposite edges fit together. */
export function tile(fields: Partial<ImageFields> = {}) {
	return { Tile: picture({ prompt: 'grass', ...fields }) };
}

/** A reply of a few words. */
export function text(fields: Partial<TextFields> = {}) {
	const all = { prompt: 'who are you?', maxTokens: 24, temperatureCenti: 0, topPPermille: 1000, topK: 0, ...fields };
	return { Text: { ...all, prompt: bytes(all.prompt) } };
}

/** The requester's own seed, so that the same job gives the same output again. */
export function seed(byte: number) {
	return { User: `0x${byte.toString(16).padStart(2, '0').repeat(32)}` };
}
