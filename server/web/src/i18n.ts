// Which language is spoken now, and saying things in it.

import { isKey, STRINGS, type Key, type Lang } from "./strings";

export { isKey };
export type { Key, Lang };

const REMEMBERED = "ww.lang";
let current: Lang = "zh";
const listeners = new Set<() => void>();

/** The remembered choice, else the browser's first language that we speak, else Chinese. */
export function chooseLang(remembered: string | null, browser: readonly string[]): Lang {
    if (remembered === "zh" || remembered === "en") return remembered;
    for (const tag of browser) {
        if (tag.toLowerCase().startsWith("zh")) return "zh";
        if (tag.toLowerCase().startsWith("en")) return "en";
    }
    return "zh";
}

function remembered(): string | null {
    try {
        return localStorage.getItem(REMEMBERED);
    } catch {
        return null; // storage switched off: the browser's language decides each time
    }
}

export function startLang(): void {
    current = chooseLang(remembered(), navigator.languages);
    document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
}

export function lang(): Lang {
    return current;
}

export function setLang(next: Lang): void {
    current = next;
    document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
    try {
        localStorage.setItem(REMEMBERED, next);
    } catch {
        // remembered for this page only
    }
    for (const call of listeners) call();
}

export function onLang(call: () => void): void {
    listeners.add(call);
}

export function fill(template: string, values: Record<string, string | number>): string {
    return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
    return fill(STRINGS[current][key], values);
}

/** The name in the language of the page, the other when that is missing. */
export function nameOf(named: { name_zh: string; name_en: string }): string {
    return current === "zh" ? named.name_zh || named.name_en : named.name_en || named.name_zh;
}
