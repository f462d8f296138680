// Playwright's side: node playwright.cjs PACKAGE warm|launched HOST CHROMIUM
// Runs as many errands as each line of its input says, and tells LCP and TTFB of each in milliseconds.
const [, , library, how, host, executablePath] = process.argv;
const { chromium } = require(library);
const launch = () => chromium.launch({ executablePath, headless: true });

const vitals = () => new Promise((done, failed) => {
  const { responseStart } = performance.getEntriesByType('navigation')[0];
  new PerformanceObserver(list => done([list.getEntries().at(-1).startTime, responseStart]))
    .observe({ type: 'largest-contentful-paint', buffered: true });
  setTimeout(() => failed(new Error('no largest paint')), 5000);
});

async function errand(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', timezoneId: 'UTC' });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', message => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', error => wrong.push(error.message));
  page.on('requestfailed', request => wrong.push(request.url()));
  const answer = await page.goto(`http://${host}/plans/flat-m`);
  if (!answer.ok()) wrong.push(answer.status());
  await page.getByLabel('Your e-mail address').fill('anna@example.com');
  await page.getByRole('button', { name: 'Order with obligation to pay' }).click();
  await page.getByText('Thank you').waitFor();
  const told = await page.evaluate(vitals);
  await context.close();
  if (wrong.length) throw new Error(wrong.join('; '));
  return told;
}

(async () => {
  let kept;
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    for (let left = Number(line); left > 0; left--) {
      if (how === 'warm') kept ??= await launch();
      const browser = kept ?? await launch();
      const told = await errand(browser);
      if (!kept) await browser.close();
      process.stdout.write(told.join(' ') + '\n');
    }
  }
  await kept?.close();
})().catch(error => {
  process.stdout.write(String(error).split('\n')[0] + '\n');
  process.exit(1);
});
