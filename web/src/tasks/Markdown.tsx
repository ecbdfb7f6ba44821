// Text of a workflow in Markdown: `<Markdown text={description} />`. It comes from people who may write workflows and from
// inputs of runs, so HTML in it stays text, and addresses with scripts are removed. Loaded when it is shown.
import { Typography } from '@mantine/core';
import MarkdownToJsx from 'markdown-to-jsx';
import classes from './Markdown.module.css';

/** Images would call other servers when the page is opened. */
const Image = ({ alt }: { alt?: string }) => <span>{alt}</span>;

const LINK = { props: { target: '_blank', rel: 'noreferrer noopener' } };
const OPTIONS = {
  disableParsingRawHTML: true,
  forceBlock: true,
  overrides: {
    a: LINK,
    img: Image,
    // The page has its own headings above.
    h1: 'h3',
    h2: 'h4',
  },
} as const;

export default function Markdown({ text }: { text: string }) {
  return (
    <Typography className={classes.text ?? ''}>
      <MarkdownToJsx options={OPTIONS}>{text}</MarkdownToJsx>
    </Typography>
  );
}
