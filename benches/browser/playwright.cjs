// Playwright's side: node playwright.cjs PACKAGE warm|launched HOST CHROMIUM
// Runs the errand that each line of its input names, and tells its LCP and TTFB in milliseconds before it tidies up.
const [, , library, how, host, executablePath] = process.argv;
const { chromium } = require(library);
const launch = () => chromium.launch({ executablePath, headless: true });

const vitals = () => new Promise((done, failed) => {
  const { responseStart } = performance.getEntriesByType('navigation')[0];
  new PerformanceObserver(list => done([list.getEntries().at(-1).startTime, responseStart]))
    .observe({ type: 'largest-contentful-paint', buffered: true });
  setTimeout(() => failed(new Error('no largest paint')), 5000);
});

const errands = {
  look: page => page.getByRole('heading', { name: 'Flat M' }).waitFor(),
  buy: async page => {
    await page.getByLabel('Your e-mail address').fill('anna@example.com');
    await page.getByRole('button', { name: 'Order with obligation to pay' }).click();
    await page.getByText('Thank you').waitFor();
  },
};

async function run(errand, browser, tell) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', timezoneId: 'UTC' });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', message => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', error => wrong.push(error.message));
  page.on('requestfailed', request => wrong.push(request.url()));
  const answer = await page.goto(`http://${host}/plans/flat-m`);
  if (!answer.ok()) wrong.push(answer.status());
  await errands[errand](page);
  const told = await page.evaluate(vitals);
  if (wrong.length) throw new Error(wrong.join('; '));
  tell(told);
  await context.close();
}

(async () => {
  let kept;
  const tell = told => process.stdout.write(told.join(' ') + '\n');
  for await (const errand of require('node:readline').createInterface({ input: process.stdin })) {
    if (how === 'warm') kept ??= await launch();
    const browser = kept ?? await launch();
    await run(errand, browser, tell);
    if (!kept) await browser.close();
  }
  await kept?.close();
})().catch(error => {
  process.stdout.write(String(error).split('\n')[0] + '\n');
  process.exit(1);
});
