// The mark and the name of Stepbase.
import classes from './Brand.module.css';

export function Brand() {
  return (
    <span className={classes.brand}>
      <span className={classes.mark} aria-hidden="true" />
      Stepbase
    </span>
  );
}
