// Opens a report in Chromium, at the width of a desktop and of a phone. Checks what it shows, and
// saves pictures beside it.
import { chromium } from "playwright-core";
import { dirname, join, resolve } from "node:path";

const report = resolve(process.argv[2]);
const check = (condition, text) => {
    if (!condition) throw new Error(text);
};

const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
for (const [name, width] of [["desktop", 1280], ["phone", 390]]) {
    const page = await browser.newPage({ viewport: { width, height: 844 } });
    const problems = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
        if (!request.url().startsWith("file:")) problems.push(request.url());
    });
    await page.goto(`file://${report}`);
    const found = await page.evaluate(() => ({
        width: document.documentElement.scrollWidth,
        title: document.querySelector("h1").textContent,
        sections: [...document.querySelectorAll("h2")].map((title) => title.textContent),
        curves: [...document.querySelectorAll(".curves svg")].map((svg) => {
            const box = svg.getBoundingClientRect();
            const text = svg.querySelector("text").getBoundingClientRect();
            return { width: box.width, height: box.height, text: text.height };
        }),
        cells: document.querySelectorAll(".heat td").length,
    }));
    check(problems.length === 0, problems.join("\n"));
    check(found.width <= width, `${name}: the page is ${found.width} pixels wide`);
    check(found.title === "Digits & <others>", found.title);
    check(found.sections.length === 11, found.sections.join(", "));
    check(found.curves.length >= 3, `${found.curves.length} curves`);
    for (const curve of found.curves) {
        check(curve.width > 250 && curve.height > 150, JSON.stringify(curve));
        check(curve.text > 8, `${name}: text of ${curve.text} pixels`);
    }
    // The head of each of two matrices, 10 rows of 10 numbers.
    check(found.cells === 2 * 101, `${found.cells} cells`);
    const path = join(dirname(report), `${name}.png`);
    await page.screenshot({ path, fullPage: true });
    console.log(`${path}: ${found.sections.join(", ")}`);
    await page.close();
}
await browser.close();
