export const MESSAGE_BYTES = 1024;
/** Messages a second to everybody: a third of what one core can do for a thousand. */
export const PER_SECOND = 20;
