// The peer benchmark finds its contestants by this ending.
export { default } from "./contestant.mjs";
